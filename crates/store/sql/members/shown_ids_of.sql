-- The groups and direct conversations that some people are in and have not hidden, each with the person's place in the
-- list. $1 is a JSON array of their ids. SQLite would take indexes that lead to the rows; these hold all that is asked.
SELECT asked.key, m.channel_id
FROM json_each($1) asked
JOIN channel_member m INDEXED BY channel_member_shown ON m.user_id = asked.value
JOIN channel c INDEXED BY channel_kinds ON c.id = m.channel_id
WHERE m.hidden_at_ns IS NULL AND c.kind <> 'standard'
LIMIT $2
