-- Blobs and unfinished uploads. After each column: why | how long | can it be found from an account.

CREATE TABLE blob (
    blob_id      BLOB NOT NULL PRIMARY KEY CHECK (length(blob_id) = 16),    -- where to find it; random | as the blob | no
    size         INTEGER NOT NULL CHECK (size > 0),    -- ranges, the sum on the disk | as the blob | no
    expires_day  INTEGER NOT NULL,    -- when to forget it | until then, at most 181 days | no
    erase_hash   BLOB NOT NULL CHECK (length(erase_hash) = 32)    -- who may erase it earlier | as the blob | no
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_by_expiry ON blob (expires_day);

CREATE TABLE blob_upload (
    upload_id   BLOB NOT NULL PRIMARY KEY CHECK (length(upload_id) = 16),    -- names the upload; random | a day | no
    blob_id     BLOB NOT NULL UNIQUE CHECK (length(blob_id) = 16),    -- what it will be | as above | no
    size        INTEGER NOT NULL CHECK (size > 0),    -- how long it will be | as above | no
    received    INTEGER NOT NULL CHECK (received BETWEEN 0 AND size),    -- where to go on | as above | no
    keep_days   INTEGER NOT NULL,    -- how long the blob will stay | as above | no
    expires_at  INTEGER NOT NULL,    -- when to give it up, on a full hour | as above | no
    erase_hash  BLOB NOT NULL CHECK (length(erase_hash) = 32)    -- who may end it | as above | no
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_upload_by_expiry ON blob_upload (expires_at);
CREATE INDEX blob_upload_unfinished ON blob_upload (size, received) WHERE received < size;
