"""The contract of `BlobIndex`, over every implementation that there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from aparte.server.blobs import SCHEMA, Blob, BlobId, BlobIndex, SqliteBlobIndex, Unfinished, Upload, UploadId
from aparte.server.blobs.expiry import Day
from tests.server.blobs.blob_host import open_index

HASH = bytes(range(32))


@pytest.fixture(params=["sqlite"])
def index(tmp_path: Path) -> Iterator[BlobIndex]:
    connection = open_index(tmp_path)
    yield SqliteBlobIndex(connection)
    connection.close()


def an_upload(number: int, *, size: int = 100, expires_at: int = 1000) -> Upload:
    names = UploadId(bytes([number]) * 16), BlobId(bytes([100 + number]) * 16)
    return Upload(*names, size=size, received=0, keep_days=30, expires_at=expires_at, erase_hash=HASH)


def test_what_was_begun_is_found(index: BlobIndex) -> None:
    upload = an_upload(1)
    assert index.upload(upload.upload_id) is None
    index.begin(upload)
    assert index.upload(upload.upload_id) == upload
    assert index.blob(upload.blob_id) is None


def test_a_name_is_given_once(index: BlobIndex) -> None:
    index.begin(an_upload(1))
    with pytest.raises(apsw.ConstraintError):
        index.begin(an_upload(1))
    with pytest.raises(apsw.ConstraintError):
        index.begin(replace(an_upload(2), blob_id=an_upload(1).blob_id))


def test_an_upload_advances_and_is_finished_once(index: BlobIndex) -> None:
    upload = an_upload(1)
    index.begin(upload)
    index.advance(upload.upload_id, 40)
    assert index.upload(upload.upload_id) == replace(upload, received=40)
    with pytest.raises(KeyError):
        index.advance(upload.upload_id, 100)  # that is what `finish` is for
    blob = Blob(upload.blob_id, 100, Day(50), HASH)
    assert index.finish(upload.upload_id, Day(50)) == blob
    assert index.blob(upload.blob_id) == blob
    finished = index.upload(upload.upload_id)
    assert finished is not None
    assert finished.finished
    for again in (lambda: index.finish(upload.upload_id, Day(51)), lambda: index.advance(upload.upload_id, 50)):
        with pytest.raises(KeyError):
            again()
    assert index.blob(upload.blob_id) == blob


def test_the_unknown_does_not_advance(index: BlobIndex) -> None:
    with pytest.raises(KeyError):
        index.advance(UploadId(bytes(16)), 1)
    with pytest.raises(KeyError):
        index.finish(UploadId(bytes(16)), Day(1))


def test_forgetting(index: BlobIndex) -> None:
    uploads = [an_upload(number) for number in range(4)]
    for upload in uploads:
        index.begin(upload)
        index.finish(upload.upload_id, Day(1))
    index.abandon([uploads[0].upload_id])
    assert index.upload(uploads[0].upload_id) is None
    assert index.blob(uploads[0].blob_id) is not None
    index.erase([uploads[1].blob_id, uploads[2].blob_id, BlobId(bytes(16))])
    assert [index.upload(upload.upload_id) is None for upload in uploads] == [True, True, True, False]
    assert [index.blob(upload.blob_id) is None for upload in uploads] == [False, True, True, False]


def test_what_is_unfinished(index: BlobIndex) -> None:
    assert index.unfinished() == Unfinished(0, 0)
    for number in range(3):
        index.begin(an_upload(number, size=100 + number))
    index.advance(an_upload(1).upload_id, 41)
    index.finish(an_upload(2).upload_id, Day(1))
    assert index.unfinished() == Unfinished(2, 160)
    assert {upload.size for upload in index.unfinished_uploads()} == {100, 101}


def test_what_has_expired(index: BlobIndex) -> None:
    for number in range(5):
        index.begin(an_upload(number, expires_at=1000 + number))
        index.finish(an_upload(number).upload_id, Day(10 + number))
    assert {upload.expires_at for upload in index.expired_uploads(1002, 10)} == {1000, 1001, 1002}
    assert {blob.expires_day for blob in index.expired_blobs(Day(12), 10)} == {10, 11, 12}
    assert [upload.expires_at for upload in index.expired_uploads(1004, 2)] == [1000, 1001]
    assert [blob.expires_day for blob in index.expired_blobs(Day(14), 2)] == [10, 11]
    assert index.expired_uploads(999, 10) == index.expired_blobs(Day(9), 10) == []


# -- SQLite's own ---------------------------------------------------------------------------------------------------
def test_a_database_that_does_not_flush_is_refused() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    connection.pragma("synchronous", "normal")
    with pytest.raises(ValueError, match="synchronous"):
        SqliteBlobIndex(connection)


def test_a_failed_finish_changes_nothing() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    index, upload = SqliteBlobIndex(connection), an_upload(1)
    index.begin(upload)
    values = (upload.blob_id, 1, 1, HASH)
    connection.execute("INSERT INTO blob VALUES (?, ?, ?, ?)", values)
    with pytest.raises(apsw.ConstraintError):
        index.finish(upload.upload_id, Day(1))
    assert index.upload(upload.upload_id) == upload


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*), coalesce(sum(size - received), 0) FROM blob_upload WHERE received < size",
        "SELECT * FROM blob_upload WHERE expires_at <= 1 ORDER BY expires_at LIMIT 1",
        "SELECT * FROM blob WHERE expires_day <= 1 ORDER BY expires_day LIMIT 1",
        "DELETE FROM blob_upload WHERE blob_id = x''",
    ],
)
def test_no_statement_walks_a_table(statement: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()]
    assert plan
    assert all(" USING " in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
