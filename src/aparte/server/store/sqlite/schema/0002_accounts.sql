-- Accounts, their devices and inboxes. After each column: why | how long | can it be found from an account.
-- Days are counted from 1970-01-01, UTC. Of whom somebody looks up, writes to or invites, nothing is kept.

CREATE TABLE account (
    id            INTEGER PRIMARY KEY,    -- joins the account's rows | as the account | yes
    account_id    BLOB NOT NULL UNIQUE,   -- names the account to all; a hash of its genesis | as the account | yes
    genesis       BLOB NOT NULL,          -- the keys that the account began with | as the account | yes
    created_day   INTEGER NOT NULL,       -- since when this host answers for it | as the account | yes
    is_operator   INTEGER NOT NULL,       -- who may administer the host | as the account | yes
    is_suspended  INTEGER NOT NULL,       -- the operator's decision | as the account | yes
    deletion_day  INTEGER NOT NULL        -- when it will be deleted; 0 if never | until then, or until cancelled | yes
) STRICT;

CREATE INDEX account_deletion ON account (deletion_day) WHERE deletion_day > 0;

CREATE TABLE deleted_account (
    id_hash  BLOB NOT NULL PRIMARY KEY,    -- a deleted account is not made anew: H(account_id) | 180 days | yes
    day      INTEGER NOT NULL              -- when it was deleted | 180 days | yes
) STRICT, WITHOUT ROWID;

CREATE INDEX deleted_account_day ON deleted_account (day);

CREATE TABLE name (
    name       TEXT NOT NULL PRIMARY KEY,          -- by which people find it | until it has rested 180 days | yes
    account    INTEGER REFERENCES account (id),    -- whose it is, or was; none if that was deleted | as the name | yes
    freed_day  INTEGER NOT NULL                    -- since when it rests; 0 if it is in use | as the name | yes
) STRICT, WITHOUT ROWID;

CREATE INDEX name_account ON name (account);
CREATE INDEX name_freed ON name (freed_day) WHERE freed_day > 0;

CREATE TABLE manifest (
    id        INTEGER PRIMARY KEY,    -- the order of writing | as the manifest | yes
    account   INTEGER NOT NULL REFERENCES account (id),    -- whose devices it lists | as the manifest | yes
    n         INTEGER NOT NULL,       -- its place in its generation | as the manifest | yes
    manifest  BLOB NOT NULL,          -- the device keys, signed | until root begins a new generation | yes
    UNIQUE (account, n)
) STRICT;

CREATE TABLE device (
    id          INTEGER PRIMARY KEY,    -- joins the device's rows | as the device | yes
    account     INTEGER REFERENCES account (id),    -- whose it is; none: it is being forgotten | as the device | yes
    device_id   BLOB NOT NULL,          -- names the device; a hash of its key | while the manifest lists it | yes
    inbox_head  INTEGER NOT NULL,       -- how many items ever came: no number is given twice | as the device | yes
    UNIQUE (account, device_id)
) STRICT;

CREATE TABLE key_package (
    id           INTEGER PRIMARY KEY,    -- the oldest is given out first | as the key package | yes
    device       INTEGER NOT NULL REFERENCES device (id),    -- whose it is | as the key package | yes
    hash         BLOB NOT NULL,          -- given out once, it is not taken again | until it expires | yes
    expires_day  INTEGER NOT NULL,       -- when it is of no use any more; the day only | until it expires | yes
    last_resort  INTEGER NOT NULL,       -- whether it is given out when no other is left | as the key package | yes
    key_package  BLOB,                   -- lets others add the device; none once given out | until given out | yes
    UNIQUE (device, hash)
) STRICT;

CREATE INDEX key_package_stock ON key_package (device, last_resort, id) WHERE key_package IS NOT NULL;
CREATE INDEX key_package_expires ON key_package (expires_day);

CREATE TABLE capability (
    account  INTEGER NOT NULL REFERENCES account (id),    -- whose inboxes it opens | until replaced | yes
    lane     INTEGER NOT NULL,    -- which lane it opens | until replaced | yes
    hash     BLOB NOT NULL,       -- H of a random value that the account gave to somebody | until replaced | yes
    PRIMARY KEY (account, lane, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox_item (
    id       INTEGER PRIMARY KEY,    -- the order of writing | as the item | yes
    device   INTEGER NOT NULL REFERENCES device (id),    -- for whom it is | as the item | yes
    seq      INTEGER NOT NULL,       -- its place in the inbox | as the item | yes
    lane     INTEGER NOT NULL,       -- how it came: contact, invite or request | as the item | yes
    item_id  BLOB NOT NULL,          -- makes a repeated drop harmless; random | until 7 days after it was fetched | yes
    day      INTEGER NOT NULL,       -- when it came; once acknowledged, when that was | as item_id | yes
    item     BLOB,                   -- sealed for the device | until acknowledged, at most 30 days | yes
    UNIQUE (device, seq),
    UNIQUE (device, item_id)
) STRICT;

CREATE INDEX inbox_item_waiting ON inbox_item (device, lane) WHERE item IS NOT NULL;
CREATE INDEX inbox_item_came ON inbox_item (day) WHERE item IS NOT NULL;
CREATE INDEX inbox_item_fetched ON inbox_item (day) WHERE item IS NULL;

CREATE TABLE allowance (
    account  INTEGER NOT NULL REFERENCES account (id),    -- whose | until the end of the day | yes
    kind     INTEGER NOT NULL,    -- tickets for what | until the end of the day | yes
    day      INTEGER NOT NULL,    -- counted for this day only | until the end of the day | yes
    issued   INTEGER NOT NULL,    -- how many tickets the account was given; not which | until the end of the day | yes
    PRIMARY KEY (account, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX allowance_day ON allowance (day);

CREATE TABLE invite (
    code_hash    BLOB NOT NULL PRIMARY KEY,    -- H of the code that lets somebody sign up | until used up or over | no
    uses_left    INTEGER NOT NULL,             -- how many more may sign up with it | as the code | no
    expires_day  INTEGER NOT NULL,             -- the last day on which it is good | as the code | no
    is_operator  INTEGER NOT NULL              -- whether it makes the operator's account | as the code | no
) STRICT, WITHOUT ROWID;

CREATE INDEX invite_expires ON invite (expires_day);
