DELETE FROM event WHERE pos = $1
