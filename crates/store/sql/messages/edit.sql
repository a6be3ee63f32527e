UPDATE message
SET content = $2, data = $3, meta = $4, updated_at_ns = $5, edited_at_ns = $5
WHERE id = $1
