SELECT id FROM user_account
WHERE role = 'admin' AND disabled_at_ms IS NULL AND deleted_at_ms IS NULL
ORDER BY created_at_ms, id
LIMIT 10000
