DELETE FROM command WHERE user_id = $1
