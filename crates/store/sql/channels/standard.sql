-- Every standard channel with the marker of one person, oldest channel first.
SELECT c.id, c.user_id, c.kind, c.name, c.description, c.is_private, c.data, c.meta, c.access_control,
       c.created_at_ns, c.updated_at_ns, c.updated_by, c.last_no, c.last_message_at_ns, c.newest_at_ns,
       m.read_no, m.read_version
FROM channel c
LEFT JOIN channel_member m ON m.channel_id = c.id AND m.user_id = $1
WHERE c.kind = 'standard'
ORDER BY c.created_at_ns, c.id
LIMIT 10000
