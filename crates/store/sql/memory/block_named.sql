SELECT b.id, b.user_id, b.name, b.body, b.version, b.created_at_ms, b.updated_at_ms,
    (SELECT COUNT(*) FROM proposal p WHERE p.user_id = b.user_id AND p.block_id = b.id AND p.status = 'pending')
FROM memory_block b
WHERE b.user_id = $1 AND b.name = $2
