UPDATE user_account SET disabled_at_ms = $2, updated_at_ms = $3 WHERE id = $1
