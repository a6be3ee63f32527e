INSERT INTO command (user_id, resource, key, body_hash, answer, at_ms) VALUES ($1, $2, $3, $4, $5, $6)
