INSERT INTO memory_block (id, user_id, name, body, version, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, 1, $5, $5)
