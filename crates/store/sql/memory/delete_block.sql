DELETE FROM memory_block WHERE id = $1
