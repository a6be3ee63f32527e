SELECT channel_id, read_no, read_version
FROM channel_member
WHERE user_id = $1 AND updated_at_ns >= $2
ORDER BY updated_at_ns DESC
LIMIT $3
