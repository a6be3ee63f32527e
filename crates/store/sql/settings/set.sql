INSERT INTO user_settings (user_id, settings, version, updated_at_ms) VALUES ($1, $2, 1, $3)
ON CONFLICT (user_id) DO UPDATE SET settings = $2, version = user_settings.version + 1, updated_at_ms = $3
RETURNING version
