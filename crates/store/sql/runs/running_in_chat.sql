SELECT id, chat_id, message_id, user_id, model
FROM run
WHERE chat_id = $1 AND state = 'running'
ORDER BY started_at_ms
