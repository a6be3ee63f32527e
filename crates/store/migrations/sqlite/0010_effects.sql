-- Effects after a place of the log, of which there are few among its events: what a client that comes back is judged by.
CREATE INDEX event_effects ON event (pos) WHERE room_id IS NULL;
