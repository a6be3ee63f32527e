SELECT c.id, c.user_id, c.kind, c.name, c.description, c.is_private, c.data, c.meta, c.access_control,
       c.created_at_ns, c.updated_at_ns, c.updated_by, c.last_no, c.last_message_at_ns, c.newest_at_ns
FROM channel c
WHERE c.id = $1
