-- The markers of some people that moved since a time of each, newest first, each with its question's place in the list.
-- $1 is a JSON array of pairs, a person's id and a time.
SELECT asked.key, m.channel_id, m.read_no, m.read_version
FROM json_each($1) asked
JOIN channel_member m ON m.user_id = asked.value ->> 0 AND m.updated_at_ns >= asked.value ->> 1
ORDER BY m.updated_at_ns DESC
LIMIT $2
