UPDATE chat_message SET parent_id = $3 WHERE chat_id = $1 AND parent_id = $2
