SELECT p.id, p.block_id, b.name, p.agent_id, p.agent_name, p.base_version, v.body, p.body, p.reasoning, p.confidence,
    p.thread_id, p.status, b.version, p.created_at_ms, p.decided_at_ms, p.user_id
FROM proposal p JOIN memory_block b ON b.id = p.block_id
JOIN memory_version v ON v.block_id = p.block_id AND v.version = p.base_version
WHERE p.id = $1
