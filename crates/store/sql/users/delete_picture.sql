DELETE FROM user_picture WHERE user_id = $1
