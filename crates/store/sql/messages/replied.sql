UPDATE message
SET reply_count = reply_count + 1, latest_reply_at_ns = $2
WHERE id = $1
