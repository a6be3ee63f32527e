SELECT tail_seq FROM room WHERE name = $1
