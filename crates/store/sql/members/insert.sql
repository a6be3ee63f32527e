-- One who is in already stays as they are. The marker starts at the newest message; nobody joins at the same time as
-- another, so that the order of joining is one.
INSERT INTO channel_member (id, channel_id, user_id, invited_at_ns, invited_by, joined_at_ns, read_no, read_version,
                            last_read_at_ns, created_at_ns, updated_at_ns)
SELECT $1, c.id, $3, $4, $5,
       CASE WHEN n.at_ns >= $6 THEN n.at_ns + 1 ELSE $6 END,
       c.last_no, 1, $7, $6, $6
FROM channel c
CROSS JOIN (SELECT COALESCE(MAX(joined_at_ns), 0) AS at_ns FROM channel_member WHERE channel_id = $2) n
WHERE c.id = $2
ON CONFLICT (channel_id, user_id) DO NOTHING
