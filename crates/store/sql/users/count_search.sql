SELECT COUNT(*) FROM user_account u
WHERE u.deleted_at_ms IS NULL AND u.disabled_at_ms IS NULL AND u.role <> 'pending' AND u.name_key LIKE $1 ESCAPE '\'
