DELETE FROM session
WHERE user_id = $1 AND (expires_at_ms <= $2
  OR id NOT IN (SELECT id FROM session WHERE user_id = $1 ORDER BY created_at_ms DESC, id LIMIT $3))
