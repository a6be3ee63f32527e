-- Channels, who is in them, and their messages. Times end in `_ns`: milliseconds times 10^6, plus as little as makes the
-- times of one channel strictly increasing. Accounts are not referenced: a message outlives its author's account.
CREATE TABLE channel (
    id                 TEXT    NOT NULL PRIMARY KEY,
    user_id            TEXT    NOT NULL, -- who made it
    kind               TEXT    NOT NULL CHECK (kind IN ('standard', 'group', 'dm')),
    name               TEXT    NOT NULL,
    description        TEXT,
    is_private         INTEGER CHECK (is_private IN (0, 1)),
    data               TEXT,             -- JSON
    meta               TEXT,             -- JSON
    access_control     TEXT,             -- JSON; of a standard channel, null is open to everybody
    direct_key         TEXT    UNIQUE,   -- of a direct conversation: its people's ids, sorted, so that there is one
    created_at_ns      INTEGER NOT NULL,
    updated_at_ns      INTEGER NOT NULL,
    updated_by         TEXT,
    last_no            INTEGER NOT NULL, -- `no` of the newest top-level message
    last_message_at_ns INTEGER,          -- when that was posted
    newest_at_ns       INTEGER NOT NULL  -- newest time given to any message, threads included
) STRICT;

CREATE INDEX channel_kind ON channel (kind);

-- The people of a group or a direct conversation; in a standard channel only who has seen it, to hold their marker.
CREATE TABLE channel_member (
    id              TEXT    NOT NULL PRIMARY KEY,
    channel_id      TEXT    NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    user_id         TEXT    NOT NULL,
    hidden_at_ns    INTEGER,          -- not shown in the member's sidebar until something is posted
    invited_at_ns   INTEGER,
    invited_by      TEXT,
    joined_at_ns    INTEGER NOT NULL,
    read_no         INTEGER NOT NULL, -- unread = channel.last_no - read_no
    read_version    INTEGER NOT NULL, -- grows with every move of the marker
    last_read_at_ns INTEGER,
    created_at_ns   INTEGER NOT NULL,
    updated_at_ns   INTEGER NOT NULL,
    UNIQUE (channel_id, user_id)
) STRICT;

CREATE INDEX channel_member_user ON channel_member (user_id);
CREATE INDEX channel_member_hidden ON channel_member (channel_id) WHERE hidden_at_ns IS NOT NULL;

CREATE TABLE message (
    id                 TEXT    NOT NULL PRIMARY KEY,
    channel_id         TEXT    NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
    user_id            TEXT    NOT NULL,
    no                 INTEGER,          -- contiguous from 1 in its channel; null in a thread
    parent_id          TEXT,             -- the root of its thread
    reply_to_id        TEXT,             -- the message it quotes
    temp_id            TEXT,             -- the author's own name for it
    content            TEXT    NOT NULL,
    data               TEXT,             -- JSON
    meta               TEXT,             -- JSON
    reply_count        INTEGER NOT NULL,
    latest_reply_at_ns INTEGER,
    created_at_ns      INTEGER NOT NULL,
    updated_at_ns      INTEGER NOT NULL,
    edited_at_ns       INTEGER,
    deleted_at_ns      INTEGER,          -- a deleted message keeps its row, its number and its temp_id, without its text
    deleted_by         TEXT,
    CHECK ((no IS NULL) = (parent_id IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX message_no ON message (channel_id, no) WHERE no IS NOT NULL;
CREATE UNIQUE INDEX message_time ON message (channel_id, created_at_ns);
CREATE UNIQUE INDEX message_once ON message (channel_id, user_id, temp_id) WHERE temp_id IS NOT NULL;
CREATE INDEX message_thread ON message (parent_id, created_at_ns) WHERE parent_id IS NOT NULL;
