SELECT m.user_id
FROM channel_member m
WHERE m.channel_id = $1
ORDER BY m.joined_at_ns, m.id
LIMIT 100000
