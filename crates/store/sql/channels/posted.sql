-- Takes the time and the number a new message needs; `$3` is 1 for a top-level message, 0 in a thread.
UPDATE channel
SET newest_at_ns = CASE WHEN newest_at_ns >= $2 THEN newest_at_ns + 1 ELSE $2 END,
    last_no = last_no + $3,
    last_message_at_ns = CASE WHEN $3 = 0 THEN last_message_at_ns
                              WHEN newest_at_ns >= $2 THEN newest_at_ns + 1
                              ELSE $2 END
WHERE id = $1
RETURNING last_no, newest_at_ns
