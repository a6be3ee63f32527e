INSERT INTO room (name, head_seq, head_at_ms, tail_seq) VALUES ($1, $2, $3, 1)
ON CONFLICT (name) DO UPDATE SET head_seq = room.head_seq + $2, head_at_ms = $3
RETURNING id, head_seq
