SELECT event.at_ms FROM event JOIN room ON room.id = event.room_id WHERE room.name = $1 AND event.seq = $2
