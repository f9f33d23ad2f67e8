-- Logs, their nodes and entries; spent tickets. After each column: why | how long | can it be found from an account.

CREATE TABLE host (
    name   TEXT NOT NULL PRIMARY KEY,    -- which value this is | while the host exists | no
    value  ANY NOT NULL                  -- the incarnation; up to where entries are indexed; the last sweep, and the last that was believed | while the host exists | no
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    id              INTEGER PRIMARY KEY,    -- joins the log's rows | as the log | no
    log_id          BLOB NOT NULL UNIQUE,   -- names the log to its members; random | as the log | no
    retention_days  INTEGER NOT NULL,       -- how long messages stay | as the log | no
    pruned_seq      INTEGER NOT NULL,       -- where the next sweep goes on: bodies | as the log | no
    dropped_seq     INTEGER NOT NULL        -- where the next sweep goes on: stubs | as the log | no
) STRICT;

CREATE TABLE node (
    log        INTEGER NOT NULL REFERENCES log (id),    -- which log | 180 days after it ended, the current one as the log | no
    seq        INTEGER NOT NULL,                        -- the commit that made it, 0 for creation | as above | no
    at         INTEGER NOT NULL,                        -- when; paces commits | as above | no
    epoch_key  BLOB NOT NULL,                           -- who may open it: a key of the epoch's | as above | no
    chain      BLOB NOT NULL,                           -- the chain at its commit | as above | no
    PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

-- No REFERENCES: it would make the deletion of each log look through all entries.
CREATE TABLE entry (
    id              INTEGER PRIMARY KEY,    -- the order of writing | as the entry | no
    log             INTEGER NOT NULL,       -- which log | 180 days, the last one as the log | no
    seq             INTEGER NOT NULL,       -- its place in the log | as above | no
    at              INTEGER NOT NULL,       -- when it was accepted | as above | no
    node            INTEGER NOT NULL,       -- the epoch that it was posted in | as above | no
    kind            INTEGER NOT NULL,       -- message or commit | as above | no
    idem            BLOB NOT NULL,          -- makes a repeated post harmless | as above | no
    next_epoch_key  BLOB NOT NULL,          -- the key of the node that a commit makes | as above | no
    chain           BLOB NOT NULL,          -- shows that nothing was changed | as above | no
    body_hash       BLOB NOT NULL,          -- what remains of the body | as above | no
    body_length     INTEGER NOT NULL,       -- known from the body; kept with its hash | as above | no
    body            BLOB                    -- what members read; sealed | 1 to 90 days, commits 180 | no
) STRICT;

-- Where entries are. Written in bulk, later than the entries: see recent.py. No REFERENCES: it would make the deletion
-- of each entry look through all of these.
CREATE TABLE entry_place (
    log    INTEGER NOT NULL,                           -- which log | as the entry | no
    seq    INTEGER NOT NULL,                           -- its place in the log | as the entry | no
    entry  INTEGER NOT NULL,                           -- the entry there | as the entry | no
    PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry_idem (
    log    INTEGER NOT NULL,                           -- which log | as the entry | no
    idem   BLOB NOT NULL,                              -- makes a repeated post harmless | as the entry | no
    entry  INTEGER NOT NULL,                           -- what was posted under it | as the entry | no
    PRIMARY KEY (log, idem)
) STRICT, WITHOUT ROWID;

CREATE TABLE spent_ticket (
    nonce  BLOB NOT NULL PRIMARY KEY,    -- a ticket is taken once; random | until the ticket ends | no
    day    INTEGER NOT NULL              -- when the ticket ends | until the ticket ends | no
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_ticket_day ON spent_ticket (day);
