SELECT m.id, m.user_id, m.channel_id, m.reply_to_id, m.parent_id, m.content, m.data, m.meta, m.created_at_ns,
       m.updated_at_ns, m.no, m.reply_count, m.latest_reply_at_ns, m.deleted_at_ns, u.name, u.role
FROM message m
LEFT JOIN user_account u ON u.id = m.user_id
WHERE m.id = $1
