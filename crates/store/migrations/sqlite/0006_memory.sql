-- Memory blocks and the proposals to change them. The count of what waits is always COUNT(status = 'pending').
CREATE TABLE memory_block (
    id            TEXT    NOT NULL PRIMARY KEY,
    user_id       TEXT    NOT NULL REFERENCES user_account (id),
    name          TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    UNIQUE (user_id, name)
) STRICT;

-- Every text a block ever had: what a proposal was made from can always be shown.
CREATE TABLE memory_version (
    block_id      TEXT    NOT NULL REFERENCES memory_block (id) ON DELETE CASCADE,
    version       INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    made_by       TEXT    NOT NULL, -- a person's id
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (block_id, version)
) STRICT;

CREATE TABLE proposal (
    id            TEXT    NOT NULL PRIMARY KEY,
    block_id      TEXT    NOT NULL REFERENCES memory_block (id) ON DELETE CASCADE,
    user_id       TEXT    NOT NULL REFERENCES user_account (id),
    agent_id      TEXT    NOT NULL, -- an API key's id
    agent_name    TEXT    NOT NULL,
    base_version  INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    reasoning     TEXT    NOT NULL,
    confidence    TEXT    NOT NULL CHECK (confidence IN ('low', 'medium', 'high')),
    thread_id     TEXT,
    status        TEXT    NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'superseded')),
    created_at_ms INTEGER NOT NULL,
    decided_at_ms INTEGER
) STRICT;

CREATE INDEX proposal_pending ON proposal (user_id, block_id) WHERE status = 'pending';
