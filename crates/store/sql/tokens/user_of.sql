SELECT u.id, u.email, u.name, u.role, u.profile_image_url, u.last_active_at_ms, u.created_at_ms, u.updated_at_ms, u.disabled_at_ms, k.id, k.last_used_at_ms
FROM api_key k JOIN user_account u ON u.id = k.user_id
WHERE k.hash = $1 AND u.disabled_at_ms IS NULL AND u.deleted_at_ms IS NULL
