SELECT e.pos, r.name, e.seq, e.name, e.payload, e.at_ms
FROM event e JOIN room r ON r.id = e.room_id
WHERE r.name = $1
ORDER BY e.seq DESC LIMIT $2
