SELECT id, tail_seq, head_seq FROM room WHERE head_seq - tail_seq >= $1 LIMIT 16
