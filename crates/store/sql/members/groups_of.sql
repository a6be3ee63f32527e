SELECT m.channel_id
FROM channel_member m
JOIN channel c ON c.id = m.channel_id AND c.kind = 'group'
WHERE m.user_id = $1
ORDER BY m.joined_at_ns, m.id
LIMIT 10000
