UPDATE channel_member
SET hidden_at_ns = $3, updated_at_ns = $3
WHERE channel_id = $1 AND user_id = $2 AND hidden_at_ns IS NULL
