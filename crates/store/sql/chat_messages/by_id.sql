SELECT id, no, parent_id, role, content, model, is_done, error, extra, created_at_ms, updated_at_ms
FROM chat_message
WHERE chat_id = $1 AND id = $2
