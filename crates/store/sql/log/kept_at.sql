-- What is kept of some places in rooms, each with its place in the list. $1 is a JSON array of pairs, a room's name and a
-- number in it.
SELECT asked.key, r.tail_seq, e.at_ms
FROM json_each($1) asked
LEFT JOIN room r ON r.name = asked.value ->> 0
LEFT JOIN event e ON e.room_id = r.id AND e.seq = asked.value ->> 1
