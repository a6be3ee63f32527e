UPDATE user_account SET email = $2, updated_at_ms = $3 WHERE id = $1
