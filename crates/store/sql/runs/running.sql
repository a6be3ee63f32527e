SELECT id, chat_id, message_id, user_id, model
FROM run
WHERE state = 'running'
ORDER BY started_at_ms
LIMIT $1
