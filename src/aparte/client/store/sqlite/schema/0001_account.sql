-- The account of this device, its secrets, and its key packages.

CREATE TABLE account (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    account_id   BLOB NOT NULL,
    host         TEXT NOT NULL,
    name         TEXT NOT NULL,
    state        INTEGER NOT NULL,
    genesis      BLOB NOT NULL,
    manifest     BLOB NOT NULL,
    device_key   BLOB NOT NULL,
    inbox_key    BLOB NOT NULL,
    phrase       BLOB,               -- until its owner has written it down
    invite       TEXT NOT NULL,
    refused      INTEGER,
    detail       TEXT NOT NULL,
    is_operator  INTEGER NOT NULL
) STRICT;

CREATE TABLE key_package (
    id              INTEGER PRIMARY KEY,
    reference       BLOB NOT NULL UNIQUE,
    secrets         BLOB NOT NULL,
    expires         INTEGER NOT NULL,
    is_last_resort  INTEGER NOT NULL,
    is_published    INTEGER NOT NULL
) STRICT;

CREATE INDEX key_package_unpublished ON key_package (id) WHERE is_published = 0;
CREATE INDEX key_package_expires ON key_package (expires);
