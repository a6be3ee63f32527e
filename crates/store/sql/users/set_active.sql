UPDATE user_account SET last_active_at_ms = $2 WHERE id = $1 AND last_active_at_ms < $2
