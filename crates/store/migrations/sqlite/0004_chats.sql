-- Chats with models. A chat's messages are rows; the contract's document is assembled from them. What a client keeps in
-- a chat or a message under keys of its own stands in `extra`, a JSON object.
CREATE TABLE chat (
    id             TEXT    NOT NULL PRIMARY KEY,
    user_id        TEXT    NOT NULL,
    title          TEXT    NOT NULL,
    current_id     TEXT,             -- the last message of the branch that is shown
    last_no        INTEGER NOT NULL, -- `no` of the newest message
    extra          TEXT    NOT NULL, -- JSON: models, params, system, files, tags, ...
    meta           TEXT    NOT NULL, -- JSON
    pinned_at_ms   INTEGER,
    archived_at_ms INTEGER,
    created_at_ms  INTEGER NOT NULL,
    updated_at_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX chat_of_user ON chat (user_id, updated_at_ms DESC, id);

-- Ids are the clients': unique in their chat only. A parent may be missing: old clients write in any order.
CREATE TABLE chat_message (
    chat_id       TEXT    NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    id            TEXT    NOT NULL,
    no            INTEGER NOT NULL, -- order of appearance: children of one parent are shown in it
    parent_id     TEXT,
    role          TEXT    NOT NULL,
    content       TEXT    NOT NULL,
    model         TEXT,
    is_done       INTEGER NOT NULL CHECK (is_done IN (0, 1)),
    error         TEXT,             -- JSON
    extra         TEXT    NOT NULL, -- JSON
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (chat_id, id)
) STRICT;

CREATE UNIQUE INDEX chat_message_no ON chat_message (chat_id, no);

-- A run is one generation: started, growing, ended once.
CREATE TABLE run (
    id            TEXT    NOT NULL PRIMARY KEY,
    chat_id       TEXT    NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    message_id    TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    model         TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('running', 'finished', 'stopped', 'failed')),
    code          TEXT,             -- of a failure
    kept_bytes    INTEGER,          -- of the text, at its end
    started_at_ms INTEGER NOT NULL,
    ended_at_ms   INTEGER
) STRICT;

CREATE INDEX run_of_chat ON run (chat_id);
CREATE INDEX run_running ON run (state) WHERE state = 'running';

-- The text of a run that is under way, in the batches it was stored in; moved into its message when the run ends.
CREATE TABLE run_piece (
    run_id       TEXT    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    offset_bytes INTEGER NOT NULL, -- of the text before this piece
    text         TEXT    NOT NULL,
    PRIMARY KEY (run_id, offset_bytes)
) STRICT;
