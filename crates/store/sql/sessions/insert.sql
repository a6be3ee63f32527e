INSERT INTO session (id, user_id, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4)
