-- The markers of some people that moved since a time of each, newest first, each with its question's place in the list.
-- $1 is a JSON array of pairs, a person's id and a time; $2 is how many each gets at most. The newest of a person are
-- taken from the index alone, so only what is answered is read and sorted.
SELECT asked.key, m.channel_id, m.read_no, m.read_version
FROM json_each($1) asked
JOIN channel_member m ON m.rowid IN (
    SELECT newest.rowid
    FROM channel_member newest INDEXED BY channel_member_changed
    WHERE newest.user_id = asked.value ->> 0 AND newest.updated_at_ns >= asked.value ->> 1
    ORDER BY newest.updated_at_ns DESC
    LIMIT $2
)
ORDER BY m.updated_at_ns DESC, m.rowid DESC
