UPDATE channel
SET name = $2, description = $3, is_private = $4, data = $5, meta = $6, access_control = $7,
    updated_at_ns = $8, updated_by = $9
WHERE id = $1
