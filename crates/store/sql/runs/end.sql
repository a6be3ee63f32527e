UPDATE run
SET state = $2, code = $3, kept_bytes = $4, ended_at_ms = $5
WHERE id = $1 AND state = 'running'
