-- Direct conversations keep both their people: the other one's history has a name.
DELETE FROM channel_member
WHERE user_id = $1 AND channel_id NOT IN (SELECT id FROM channel WHERE kind = 'dm')
