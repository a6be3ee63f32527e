DELETE FROM channel WHERE id = $1
