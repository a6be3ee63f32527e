SELECT e.payload
FROM event e INDEXED BY event_effects
WHERE e.room_id IS NULL AND e.payload ->> 'kind' IN ('leave', 'empty', 'renew_user')
  AND e.payload ->> 'user_id' IS $1 AND e.pos > $2
ORDER BY e.pos LIMIT $3
