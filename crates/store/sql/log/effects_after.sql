SELECT e.payload
FROM event e INDEXED BY event_effects
WHERE e.room_id IS NULL AND e.pos > $1
ORDER BY e.pos
