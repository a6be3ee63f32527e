SELECT pos, room_id, seq, LENGTH(CAST(payload AS BLOB)), at_ms FROM event WHERE room_id = $1 AND seq <= $2 ORDER BY seq LIMIT $3
