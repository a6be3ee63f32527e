-- How much the log holds, so that it can be bounded without counting it.
ALTER TABLE log ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0;

UPDATE log SET kept_bytes = (SELECT COALESCE(SUM(LENGTH(CAST(payload AS BLOB))), 0) FROM event) WHERE id = 1;
