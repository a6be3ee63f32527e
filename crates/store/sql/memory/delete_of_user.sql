DELETE FROM memory_block WHERE user_id = $1
