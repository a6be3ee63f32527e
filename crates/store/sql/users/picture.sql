SELECT media_type, bytes FROM user_picture WHERE user_id = $1
