DELETE FROM api_key WHERE id = $1 RETURNING user_id
