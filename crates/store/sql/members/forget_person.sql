DELETE FROM channel_member WHERE user_id = $1
