SELECT head_pos, head_at_ms FROM log WHERE id = 1
