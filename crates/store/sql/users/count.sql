SELECT COUNT(*) FROM user_account WHERE deleted_at_ms IS NULL
