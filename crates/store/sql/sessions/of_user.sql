SELECT id FROM session WHERE user_id = $1 AND id <> $2 LIMIT 1000
