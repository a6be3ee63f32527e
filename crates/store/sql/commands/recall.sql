SELECT body_hash, answer FROM command WHERE user_id = $1 AND resource = $2 AND key = $3
