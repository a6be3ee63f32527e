DELETE FROM api_key WHERE user_id = $1 AND name = $2
