-- Whose sessions these are, while they are valid. $1 is a JSON array of their ids.
SELECT u.id, u.email, u.name, u.role, u.profile_image_url, u.last_active_at_ms, u.created_at_ms, u.updated_at_ms, u.disabled_at_ms, s.id
FROM json_each($1) asked JOIN session s ON s.id = asked.value JOIN user_account u ON u.id = s.user_id
WHERE (s.expires_at_ms IS NULL OR s.expires_at_ms > $2)
  AND u.disabled_at_ms IS NULL AND u.deleted_at_ms IS NULL
