UPDATE channel_member
SET hidden_at_ns = NULL, updated_at_ns = $2
WHERE channel_id = $1 AND hidden_at_ns IS NOT NULL
RETURNING user_id
