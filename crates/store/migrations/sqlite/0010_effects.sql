-- Effects that may take a room from somebody, by whom they name (nobody: everybody), after a place of the log: what a
-- client that comes back is judged by. The others, such as the thousands that a large group begins with, are not in it.
CREATE INDEX event_effects ON event (payload ->> 'user_id', pos)
WHERE room_id IS NULL AND payload ->> 'kind' IN ('leave', 'empty', 'renew_user');
