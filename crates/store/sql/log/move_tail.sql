UPDATE room SET tail_seq = MAX(tail_seq, $2) WHERE id = $1
