INSERT INTO chat (id, user_id, title, current_id, last_no, extra, meta, created_at_ms, updated_at_ms)
VALUES ($1, $2, $3, $4, 0, $5, '{}', $6, $6)
