"""What a crash between any two steps leaves behind, and what the next start makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from aparte.server.blobs import BlobFiles, Recovered, SqliteBlobIndex, Upload
from aparte.server.blobs.errors import DamagedUpload
from aparte.server.blobs.expiry import upload_expiry
from aparte.server.blobs.index import BlobId, UploadId
from aparte.server.blobs.limits import Limits
from aparte.server.blobs.recovery import recover
from tests.server.blobs.blob_host import NOON, BlobHost, blob_host, content, in_host, open_index

DATA = content(1000)
UPLOAD, BLOB = UploadId(b"u" * 16), BlobId(b"b" * 16)


class Crashed:
    """A folder and an index in the state that a crash has left."""

    def __init__(self, root: Path, received: int) -> None:
        self.files = BlobFiles(root / "data")
        self.files.prepare()
        self.connection = open_index(root)
        self.index = SqliteBlobIndex(self.connection)
        self.index.begin(Upload(UPLOAD, BLOB, len(DATA), received, 30, upload_expiry(NOON, Limits()), bytes(32)))

    def write(self, data: bytes) -> None:
        file = self.files.open_upload(UPLOAD, 0)
        file.append([data])
        file.close()

    def recover(self) -> Recovered:
        found = recover(self.index, self.files, now=NOON)
        assert recover(self.index, self.files, now=NOON) == Recovered()  # once is enough
        return found

    @property
    def received(self) -> int:
        upload = self.index.upload(UPLOAD)
        assert upload is not None
        return upload.received


def test_after_the_creation(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 0)
    assert crashed.recover() == Recovered()
    assert crashed.received == 0


def test_between_the_file_and_the_index(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 300)
    crashed.write(DATA[:700])
    assert crashed.recover() == Recovered(cut=1)
    assert crashed.received == crashed.files.upload_size(UPLOAD) == 300


def test_bytes_that_belong_to_nobody_are_cut_off_on_opening(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 300)
    crashed.write(DATA[:700])
    crashed.files.open_upload(UPLOAD, 300).close()
    assert crashed.files.upload_size(UPLOAD) == 300


def test_with_the_whole_file_written_but_not_moved(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 300)
    crashed.write(DATA)
    assert crashed.recover() == Recovered(cut=1)
    assert crashed.received == crashed.files.upload_size(UPLOAD) == 300


def test_between_the_move_and_the_index(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 300)
    crashed.write(DATA)
    crashed.files.publish(UPLOAD, BLOB)
    assert crashed.recover() == Recovered(finished=1)
    assert crashed.received == len(DATA)
    assert crashed.files.blob_path(BLOB).read_bytes() == DATA
    blob = crashed.index.blob(BLOB)
    assert blob is not None
    assert blob.size == len(DATA)


def test_with_a_file_shorter_than_acknowledged(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 300)
    crashed.write(DATA[:200])
    with pytest.raises(DamagedUpload):
        crashed.files.open_upload(UPLOAD, 300)
    assert crashed.recover() == Recovered(damaged=1)
    assert crashed.received == 200


def test_between_the_index_and_the_removal(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 300)
    crashed.write(DATA)
    crashed.index.abandon([UPLOAD])
    other = crashed.files.blob_path(BlobId(b"o" * 16))
    other.write_bytes(DATA)
    assert crashed.recover() == Recovered(orphans=2)
    assert not other.exists()
    assert crashed.files.upload_size(UPLOAD) is None


def test_what_is_none_of_ours_is_left_alone(tmp_path: Path) -> None:
    crashed = Crashed(tmp_path, 0)
    strangers = [tmp_path / "data/uploads/README", tmp_path / "data/blobs/ab/.keep", tmp_path / "data/uploads/ABCD"]
    for stranger in strangers:
        stranger.write_text("kept")
    assert crashed.recover() == Recovered()
    assert all(stranger.exists() for stranger in strangers)


# -- the whole host, stopped dead at every step ------------------------------------------------------------------------
class Stopped(BaseException):
    """The process is gone: nothing after this runs."""


class Plug:
    """Wraps the index and the files, and pulls the plug before the nth change."""

    CHANGES = frozenset(
        {"begin", "advance", "finish", "abandon", "erase", "open_upload", "publish", "drop_upload", "drop_blob"}
    )

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.seen: list[str] = []

    def wrap(self, target: object) -> object:
        plug = self

        class Wrapped:
            def __getattr__(self, name: str) -> object:
                found = getattr(target, name)
                return plug.guarded(name, found) if name in plug.CHANGES else found

        return Wrapped()

    def guarded(self, name: str, call: Callable[..., object]) -> Callable[..., object]:
        def guard(*args: object) -> object:
            self.seen.append(name)
            if self.left <= 0:
                raise Stopped
            self.left -= 1
            return call(*args)

        return guard


def pull(host: BlobHost, plug: Plug) -> None:
    """Put the plug between a running service and what it writes to."""
    shop = host.service._shop
    object.__setattr__(shop, "index", plug.wrap(shop.index))
    object.__setattr__(shop, "files", plug.wrap(shop.files))


def test_an_index_that_cannot_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        assert (await host.patch(upload, 0, DATA[:400])).status == 204
        monkeypatch.setattr(SqliteBlobIndex, "finish", full)
        assert (await host.patch(upload, 400, DATA[400:])).status == 500
        monkeypatch.undo()
        assert await host.offset(upload) == 400
        answer = await host.patch(upload, 400, DATA[400:])
        assert answer.status == 204
        assert await host.read(host.blob(answer)) == DATA

    in_host(tmp_path, scene)


async def life(host: BlobHost) -> list[tuple[str, int]]:
    """A client's doings, and what it was told: (name, acknowledged offset)."""
    told: list[tuple[str, int]] = []
    created = await host.create(len(DATA))
    if created.status != 201:
        return told
    name = created.headers["Location"]
    told.append((name, 0))
    for begin, end in ((0, 400), (400, 1000)):
        answer = await host.patch(host.url + name, begin, DATA[begin:end])
        if answer.status != 204:
            return told
        told.append((name, end))
    return told


@pytest.mark.parametrize("steps", range(7))
def test_stopped_before_every_change(tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # A future cannot carry what is no Exception through the loop; as one, it ends the request all the same.
    monkeypatch.setattr(f"{__name__}.Stopped", type("Stopped", (Exception,), {}))

    async def scenes() -> None:
        plug = Plug(steps)
        async with blob_host(tmp_path) as host:
            pull(host, plug)
            told = await life(host)
        if steps == 6:
            assert plug.seen == ["begin", "open_upload", "advance", "open_upload", "publish", "finish"]
        async with blob_host(tmp_path) as again:
            assert again.recovered.damaged == 0
            name, acknowledged = told[-1] if told else ("", 0)
            if not told:
                assert again.files() == []
                return
            upload = again.url + name
            offset = await again.offset(upload)
            assert offset >= acknowledged
            answer = await again.patch(upload, offset, DATA[offset:])
            assert answer.status == 204
            assert await again.read(again.blob(answer)) == DATA
            assert len(again.files()) == 1

    asyncio.run(scenes())
