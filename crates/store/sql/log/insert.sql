INSERT INTO event (pos, room_id, seq, name, payload, at_ms) VALUES ($1, $2, $3, $4, $5, $6)
