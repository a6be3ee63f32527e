DELETE FROM command WHERE rowid IN (SELECT rowid FROM command WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)
