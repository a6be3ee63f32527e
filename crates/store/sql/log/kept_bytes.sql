SELECT kept_bytes FROM log WHERE id = 1
