-- People, what they sign in with, and what they set for themselves.
CREATE TABLE user_account (
    id                TEXT    NOT NULL PRIMARY KEY,
    email             TEXT    NOT NULL UNIQUE, -- lower case; `deleted:<id>` once the account is deleted
    name              TEXT    NOT NULL,
    name_key          TEXT    NOT NULL,        -- the name in lower case: sorted and searched by
    role              TEXT    NOT NULL CHECK (role IN ('admin', 'user', 'pending')),
    password_hash     TEXT    NOT NULL,        -- PHC string; empty: cannot sign in with a password
    profile_image_url TEXT    NOT NULL,        -- `/user.png` = generated; a path to user_picture; or an https address
    last_active_at_ms INTEGER NOT NULL,
    created_at_ms     INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL,
    disabled_at_ms    INTEGER,
    deleted_at_ms     INTEGER
) STRICT;

CREATE INDEX user_account_name ON user_account (name_key, id);

CREATE TABLE user_picture (
    user_id    TEXT NOT NULL PRIMARY KEY REFERENCES user_account (id),
    media_type TEXT NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;

-- A token is valid while its row stands: signing out deletes it.
CREATE TABLE session (
    id            TEXT    NOT NULL PRIMARY KEY, -- the token's `jti`
    user_id       TEXT    NOT NULL REFERENCES user_account (id),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER -- NULL: never
) STRICT;

CREATE INDEX session_user ON session (user_id, created_at_ms);

CREATE TABLE api_key (
    id              TEXT    NOT NULL PRIMARY KEY,
    user_id         TEXT    NOT NULL REFERENCES user_account (id),
    name            TEXT    NOT NULL,
    hash            TEXT    NOT NULL UNIQUE, -- SHA-256 of the key, hex; the key itself is shown once
    hint            TEXT    NOT NULL,        -- its last four characters
    created_at_ms   INTEGER NOT NULL,
    last_used_at_ms INTEGER
) STRICT;

CREATE INDEX api_key_user ON api_key (user_id, created_at_ms);

CREATE TABLE user_settings (
    user_id       TEXT    NOT NULL PRIMARY KEY REFERENCES user_account (id),
    settings      TEXT    NOT NULL, -- a JSON object
    version       INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT;
