INSERT INTO user_account (id, email, name, name_key, role, password_hash, profile_image_url, last_active_at_ms, created_at_ms, updated_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)
