UPDATE message
SET content = '', data = NULL, meta = NULL, updated_at_ns = $2, deleted_at_ns = $2, deleted_by = $3
WHERE id = $1
