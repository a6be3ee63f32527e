SELECT head_seq, head_at_ms, tail_seq FROM room WHERE name = $1
