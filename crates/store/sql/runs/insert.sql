INSERT INTO run (id, chat_id, message_id, user_id, model, state, started_at_ms)
VALUES ($1, $2, $3, $4, $5, 'running', $6)
