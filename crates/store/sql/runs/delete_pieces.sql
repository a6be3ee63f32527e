DELETE FROM run_piece WHERE run_id = $1
