-- The event log (design: numbers without holes). `log` holds the head of the whole log in its one row, `room` the
-- head of each room; both move only in the lane's last step, together with the rows of `event`.
CREATE TABLE log (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    head_pos   INTEGER NOT NULL,
    head_at_ms INTEGER NOT NULL
) STRICT;

INSERT INTO log (id, head_pos, head_at_ms) VALUES (1, 0, 0);

CREATE TABLE room (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    head_seq   INTEGER NOT NULL, -- newest number given out; never forgotten, though events are pruned
    head_at_ms INTEGER NOT NULL,
    tail_seq   INTEGER NOT NULL  -- oldest number that is still kept
) STRICT;

-- A row is an event of a room, or (room_id NULL) an effect on open sockets, which has a `pos` but no `seq`.
CREATE TABLE event (
    pos     INTEGER NOT NULL PRIMARY KEY,
    room_id INTEGER REFERENCES room (id),
    seq     INTEGER,
    name    TEXT    NOT NULL,
    payload TEXT    NOT NULL,
    at_ms   INTEGER NOT NULL,
    CHECK ((room_id IS NULL) = (seq IS NULL))
) STRICT;

CREATE UNIQUE INDEX event_room_seq ON event (room_id, seq) WHERE room_id IS NOT NULL;
