UPDATE chat
SET title = $2, current_id = $3, last_no = $4, extra = $5, meta = $6, pinned_at_ms = $7, archived_at_ms = $8,
    updated_at_ms = $9
WHERE id = $1
