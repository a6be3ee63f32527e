UPDATE log SET kept_bytes = MAX(kept_bytes + $1, 0) WHERE id = 1
