SELECT password_hash FROM user_account WHERE id = $1 AND deleted_at_ms IS NULL
