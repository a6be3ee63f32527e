SELECT id, title, updated_at_ms, created_at_ms, pinned_at_ms IS NOT NULL
FROM chat
WHERE user_id = $1
  AND (archived_at_ms IS NOT NULL) = $2
  AND ($3 IS NULL OR (pinned_at_ms IS NOT NULL) = $3)
ORDER BY updated_at_ms DESC, id
LIMIT $4 OFFSET $5
