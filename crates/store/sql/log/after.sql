SELECT e.pos, r.name, e.seq, e.name, e.payload, e.at_ms
FROM event e LEFT JOIN room r ON r.id = e.room_id
WHERE e.pos > $1
ORDER BY e.pos LIMIT $2
