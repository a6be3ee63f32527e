-- The groups and direct conversations that one person is in and has not hidden.
SELECT m.channel_id
FROM channel_member m
JOIN channel c ON c.id = m.channel_id
WHERE m.user_id = $1 AND m.hidden_at_ns IS NULL AND c.kind <> 'standard'
LIMIT 10000
