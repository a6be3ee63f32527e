INSERT INTO channel (id, user_id, kind, name, description, is_private, data, meta, access_control, direct_key,
                     created_at_ns, updated_at_ns, last_no, newest_at_ns)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 0, 0)
