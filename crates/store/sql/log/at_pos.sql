SELECT at_ms FROM event WHERE pos = $1
