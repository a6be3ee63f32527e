UPDATE log SET head_pos = head_pos + $1, head_at_ms = MAX(head_at_ms, $2) WHERE id = 1 RETURNING head_pos, head_at_ms
