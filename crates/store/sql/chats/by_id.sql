SELECT id, user_id, title, current_id, last_no, extra, meta, pinned_at_ms, archived_at_ms, created_at_ms, updated_at_ms
FROM chat
WHERE id = $1
