-- Commands that were given a key by their sender: the same key again gets the first answer. Kept for a week.
CREATE TABLE command (
    user_id   TEXT    NOT NULL REFERENCES user_account (id),
    resource  TEXT    NOT NULL, -- what the command is about, as in `POST /api/v1/channels/create`
    key       TEXT    NOT NULL,
    body_hash TEXT    NOT NULL, -- SHA-256 of the request's body, hex
    answer    TEXT    NOT NULL, -- JSON
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (user_id, resource, key)
) STRICT;

CREATE INDEX command_age ON command (at_ms);
