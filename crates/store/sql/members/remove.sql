DELETE FROM channel_member WHERE channel_id = $1 AND user_id = $2
