SELECT pos, room_id, seq, LENGTH(CAST(payload AS BLOB)), at_ms FROM event ORDER BY pos LIMIT $1
