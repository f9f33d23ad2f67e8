-- Whom this account knows, its conversations and what was said in them, and what is still to be sent.

ALTER TABLE account ADD COLUMN inbox_seq INTEGER NOT NULL DEFAULT 0;  -- items up to it are on this disk

CREATE TABLE peer (
    account_id  BLOB PRIMARY KEY,
    host        TEXT NOT NULL,
    name        TEXT NOT NULL,
    genesis     BLOB NOT NULL,
    manifest    BLOB NOT NULL,      -- the newest that was judged
    is_contact  INTEGER NOT NULL,
    is_checked  INTEGER NOT NULL    -- whether the host says that it is called so
) STRICT, WITHOUT ROWID;

CREATE INDEX peer_address ON peer (host, name);
CREATE INDEX peer_unchecked ON peer (account_id) WHERE is_checked = 0;

CREATE TABLE conversation (
    id               INTEGER PRIMARY KEY,
    conversation_id  BLOB NOT NULL UNIQUE,
    kind             INTEGER NOT NULL,
    state            INTEGER NOT NULL,
    host             TEXT NOT NULL,  -- of the log
    log_id           BLOB NOT NULL,
    title            TEXT NOT NULL,
    peer_host        TEXT NOT NULL,  -- of a direct one: whom it is with, as was typed or as the inviter said
    peer_name        TEXT NOT NULL,
    peer             BLOB,           -- and which account that is
    is_request       INTEGER NOT NULL,
    document         BLOB NOT NULL,
    ticket           BLOB NOT NULL,  -- for making the log, until it is made
    trouble          TEXT NOT NULL,
    last_at          INTEGER NOT NULL,
    unread           INTEGER NOT NULL,
    shown_in         INTEGER         -- another one with the same people, which both began at once: it is shown there
) STRICT;

CREATE INDEX conversation_log ON conversation (host, log_id);
CREATE INDEX conversation_host ON conversation (state, host);
CREATE INDEX conversation_peer ON conversation (peer) WHERE peer IS NOT NULL;
CREATE INDEX conversation_unfinished ON conversation (id) WHERE state < 4;

-- Where a device stands in a log, and with what keys.
CREATE TABLE epoch (
    conversation  INTEGER PRIMARY KEY REFERENCES conversation (id) ON DELETE CASCADE,
    node          INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    chain         BLOB NOT NULL,
    pass_day      INTEGER NOT NULL,
    pass_mac      BLOB NOT NULL,
    keys          BLOB NOT NULL
) STRICT;

-- The MLS group: piece 0 is the epoch, the others are its ratchets.
CREATE TABLE group_piece (
    conversation  INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL,
    data          BLOB NOT NULL,
    PRIMARY KEY (conversation, number)
) STRICT, WITHOUT ROWID;

-- A commit of one's own that is to be posted, or was and did not come back.
CREATE TABLE own_commit (
    conversation    INTEGER PRIMARY KEY REFERENCES conversation (id) ON DELETE CASCADE,
    idem            BLOB NOT NULL,
    next_epoch_key  BLOB NOT NULL,
    body            BLOB NOT NULL,
    welcomes        BLOB NOT NULL
) STRICT;

CREATE TABLE message (
    id            INTEGER PRIMARY KEY,
    conversation  INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL,  -- in the log; before it is there, more than any
    idem          BLOB NOT NULL,
    message_id    BLOB NOT NULL,
    sender        BLOB,              -- an account; NULL where this program says something itself
    is_own        INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    kind          INTEGER NOT NULL,
    text          TEXT NOT NULL,
    state         INTEGER NOT NULL,
    data          BLOB NOT NULL,     -- as it was sealed
    salt          BLOB NOT NULL,
    proof         BLOB NOT NULL,     -- what shows a third party who said it
    receipt       BLOB NOT NULL,
    shown_in      INTEGER NOT NULL,  -- the conversation in whose timeline it stands
    place         INTEGER GENERATED ALWAYS AS (
        CASE WHEN seq < 4611686018427387903 THEN 2 * at + (conversation = shown_in) ELSE seq END
    ) VIRTUAL
) STRICT;

CREATE INDEX message_order ON message (shown_in, place, seq, id);
CREATE UNIQUE INDEX message_named ON message (conversation, message_id) WHERE message_id <> x'';
CREATE UNIQUE INDEX message_posted ON message (conversation, idem) WHERE idem <> x'';

-- Messages that the host has not accepted yet; sealed as they were sent, if they were.
CREATE TABLE outbox (
    message       INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    conversation  INTEGER NOT NULL,
    node          INTEGER NOT NULL,
    body          BLOB NOT NULL
) STRICT;

CREATE INDEX outbox_order ON outbox (conversation, message);

-- Items on their way into others' inboxes.
CREATE TABLE drop_ (
    item_id       BLOB PRIMARY KEY,
    conversation  INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    host          TEXT NOT NULL,
    account_id    BLOB NOT NULL,
    device_id     BLOB NOT NULL,
    lane          INTEGER NOT NULL,
    proof         BLOB NOT NULL,
    item          BLOB NOT NULL,
    due           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX drop_due ON drop_ (due);

CREATE TABLE ticket (
    ticket    BLOB PRIMARY KEY,
    acceptor  TEXT NOT NULL,
    kind      INTEGER NOT NULL,
    day       INTEGER NOT NULL      -- the last one on which it is good, since 1970
) STRICT, WITHOUT ROWID;

CREATE INDEX ticket_kind ON ticket (acceptor, kind, day);
