SELECT text FROM run_piece WHERE run_id = $1 ORDER BY offset_bytes
