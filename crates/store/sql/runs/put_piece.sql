INSERT INTO run_piece (run_id, offset_bytes, text)
SELECT $1, $2, $3
WHERE EXISTS (SELECT 1 FROM run WHERE id = $1 AND state = 'running')
