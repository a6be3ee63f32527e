-- The people of a group or a direct conversation with what lists show of them, in the order they joined.
SELECT m.channel_id, u.id, u.name, u.last_active_at_ms
FROM channel_member m
JOIN user_account u ON u.id = m.user_id
WHERE m.channel_id = $1
ORDER BY m.joined_at_ns, m.id
LIMIT 100000
