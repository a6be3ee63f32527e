SELECT COUNT(*) FROM user_account u
WHERE u.deleted_at_ms IS NULL AND (u.name_key LIKE $1 ESCAPE '\' OR u.email LIKE $1 ESCAPE '\')
