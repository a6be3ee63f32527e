INSERT INTO api_key (id, user_id, name, hash, hint, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6)
