UPDATE user_account SET password_hash = $2, updated_at_ms = $3 WHERE id = $1
