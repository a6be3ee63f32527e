-- A step of a command is not the command.
SELECT resource, answer, at_ms
FROM command
WHERE user_id = $1 AND key = $2 AND INSTR(resource, '#') = 0
ORDER BY at_ms DESC, resource
LIMIT 1
