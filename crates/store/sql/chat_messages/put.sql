INSERT INTO chat_message (chat_id, id, no, parent_id, role, content, model, is_done, error, extra, created_at_ms,
                          updated_at_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (chat_id, id) DO UPDATE
SET parent_id = excluded.parent_id, role = excluded.role, content = excluded.content, model = excluded.model,
    is_done = excluded.is_done, error = excluded.error, extra = excluded.extra, updated_at_ms = excluded.updated_at_ms
