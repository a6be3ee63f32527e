DELETE FROM chat_message WHERE chat_id = $1 AND id = $2
