INSERT INTO memory_version (block_id, version, body, made_by, created_at_ms) VALUES ($1, $2, $3, $4, $5)
