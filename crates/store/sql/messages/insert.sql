INSERT INTO message (id, channel_id, user_id, no, parent_id, reply_to_id, temp_id, content, data, meta, reply_count,
                     created_at_ns, updated_at_ns)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $11)
