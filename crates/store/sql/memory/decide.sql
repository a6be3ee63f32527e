UPDATE proposal SET status = $2, decided_at_ms = $3 WHERE id = $1
