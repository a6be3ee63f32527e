-- The people of all direct conversations that one person has not hidden.
SELECT m.channel_id, u.id, u.name, u.last_active_at_ms
FROM channel_member mine
JOIN channel c ON c.id = mine.channel_id AND c.kind = 'dm'
JOIN channel_member m ON m.channel_id = c.id
JOIN user_account u ON u.id = m.user_id
WHERE mine.user_id = $1 AND mine.hidden_at_ns IS NULL
ORDER BY m.joined_at_ns, m.id
LIMIT 100000
