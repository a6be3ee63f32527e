UPDATE memory_block SET name = $2, body = $3, version = version + 1, updated_at_ms = $4 WHERE id = $1
