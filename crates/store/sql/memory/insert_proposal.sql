INSERT INTO proposal (id, block_id, user_id, agent_id, agent_name, base_version, body, reasoning, confidence, thread_id, status, created_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11)
