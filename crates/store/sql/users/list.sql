SELECT u.id, u.email, u.name, u.role, u.profile_image_url, u.last_active_at_ms, u.created_at_ms, u.updated_at_ms, u.disabled_at_ms
FROM user_account u
WHERE u.deleted_at_ms IS NULL AND (u.name_key LIKE $1 ESCAPE '\' OR u.email LIKE $1 ESCAPE '\')
ORDER BY u.name_key, u.id LIMIT $2 OFFSET $3
