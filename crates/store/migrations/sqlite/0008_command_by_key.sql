-- A client that kept a command for days asks by its key whether it ran: the key comes before the route.
CREATE TABLE command_by_key (
    user_id   TEXT    NOT NULL REFERENCES user_account (id),
    key       TEXT    NOT NULL,
    resource  TEXT    NOT NULL, -- method and path, as in `POST /api/v1/channels/create`; `#...` behind it is a step
    body_hash TEXT    NOT NULL, -- SHA-256 of the server's secret and the request's body, hex
    answer    TEXT    NOT NULL, -- JSON
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (user_id, key, resource)
) STRICT;

-- What was remembered before has hashes without the secret: it would be taken for another body.
DROP TABLE command;
ALTER TABLE command_by_key RENAME TO command;

CREATE INDEX command_age ON command (at_ms);
