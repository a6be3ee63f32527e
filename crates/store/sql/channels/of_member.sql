-- The groups and direct conversations that one person is in and has not hidden, oldest first.
SELECT c.id, c.user_id, c.kind, c.name, c.description, c.is_private, c.data, c.meta, c.access_control,
       c.created_at_ns, c.updated_at_ns, c.updated_by, c.last_no, c.last_message_at_ns, c.newest_at_ns,
       m.read_no, m.read_version
FROM channel_member m
JOIN channel c ON c.id = m.channel_id
WHERE m.user_id = $1 AND m.hidden_at_ns IS NULL AND c.kind <> 'standard'
ORDER BY c.created_at_ns, c.id
LIMIT 10000
