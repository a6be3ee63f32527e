UPDATE channel_member
SET read_no = $3, read_version = read_version + 1, last_read_at_ns = $4, updated_at_ns = $4
WHERE channel_id = $1 AND user_id = $2
RETURNING read_no, read_version
