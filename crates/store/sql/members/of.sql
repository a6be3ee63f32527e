SELECT m.id, m.channel_id, m.user_id, m.hidden_at_ns, m.invited_at_ns, m.invited_by, m.joined_at_ns,
       m.read_no, m.read_version, m.last_read_at_ns, m.created_at_ns, m.updated_at_ns
FROM channel_member m
WHERE m.channel_id = $1 AND m.user_id = $2
