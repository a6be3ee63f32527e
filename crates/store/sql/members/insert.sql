-- One who is in already stays as they are. The marker starts at the newest message.
INSERT INTO channel_member (id, channel_id, user_id, invited_at_ns, invited_by, joined_at_ns, read_no, read_version,
                            last_read_at_ns, created_at_ns, updated_at_ns)
SELECT $1, c.id, $3, $4, $5, $6, c.last_no, 1, $7, $6, $6
FROM channel c
WHERE c.id = $2
ON CONFLICT (channel_id, user_id) DO NOTHING
