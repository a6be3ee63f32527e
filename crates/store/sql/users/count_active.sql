SELECT COUNT(*) FROM user_account WHERE last_active_at_ms >= $1 AND deleted_at_ms IS NULL
