SELECT name, head_seq, head_at_ms FROM room
