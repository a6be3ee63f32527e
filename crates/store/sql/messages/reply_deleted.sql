UPDATE message
SET reply_count = reply_count - 1,
    latest_reply_at_ns = (SELECT MAX(r.created_at_ns) FROM message r
                          WHERE r.parent_id = $1 AND r.deleted_at_ns IS NULL)
WHERE id = $1
