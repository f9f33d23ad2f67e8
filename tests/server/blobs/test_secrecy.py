"""What the host holds and says: nothing readable about a file, nothing about who came when."""

from __future__ import annotations

import asyncio
import io
import logging
import os
from base64 import b64encode, urlsafe_b64decode
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from aparte.server.blobs import tus
from aparte.server.blobs.limits import Limits
from aparte.server.blobs.service import Created
from tests.server.blobs.blob_host import TICKET, BlobHost, blob_host, content, in_host
from tests.server.blobs.test_index import HASH, an_upload

WORD = "planted-holiday-photo.jpg"
DATA = content(10_000)


def holders(root: Path, word: bytes) -> list[str]:
    """The files below `root` that hold a word, in themselves or in their names."""
    return [
        path.name
        for path in sorted(root.rglob("*"))
        if word in path.name.encode() or (path.is_file() and word in path.read_bytes())
    ]


def test_metadata_is_dropped(tmp_path: Path) -> None:
    encoded = b64encode(WORD.encode()).decode()

    async def scene(host: BlobHost) -> None:
        metadata = f"filename {encoded},filetype {b64encode(b'image/jpeg').decode()}"
        created = await host.create(len(DATA), Upload_Metadata=metadata)
        upload = host.url + created.headers["Location"]
        assert (await host.patch(upload, 0, DATA, Upload_Metadata=metadata)).status == 204
        looked = await host.client.head(upload, headers={"Tus-Resumable": "1.0.0"})
        assert "Upload-Metadata" not in looked.headers
        # The control: what is there to be found is found, in the database and in a file.
        blob = urlsafe_b64decode(created.headers["Aparte-Blob"] + "==")
        assert set(holders(tmp_path, blob)) & {"host.db", "host.db-wal"}
        assert holders(tmp_path, DATA[:32]) == holders(tmp_path, blob.hex().encode()) == [blob.hex()]
        for word in (WORD.encode(), encoded.encode(), b"image/jpeg", b64encode(b"image/jpeg")):
            assert holders(tmp_path, word) == []

    in_host(tmp_path, scene)


def test_the_erase_token_and_the_ticket_are_not_kept(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        _, _, token = await host.put(DATA)
        raw = urlsafe_b64decode(token + "==")
        for secret in (token.encode(), raw, raw.hex().encode(), b"a good ticket", TICKET.encode()):
            assert holders(tmp_path, secret) == []

    in_host(tmp_path, scene)


def test_no_time_of_day_is_kept(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        host.world.now += 1_234_567
        await host.put(DATA)
        [path] = host.files()
        assert path.stat().st_mtime_ns == 0
        [row] = host.connection.execute("SELECT expires_day FROM blob").fetchall()
        assert row[0] < 100_000  # a day's number, not milliseconds
        [row] = host.connection.execute("SELECT expires_at % 3600000 FROM blob_upload").fetchall()
        assert row[0] == 0

    in_host(tmp_path, scene)


def test_files_are_the_hosts_alone(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        await host.put(DATA)
        await host.patch(await host.begin(10), 0, b"x")
        assert {path.stat().st_mode & 0o777 for path in host.files()} == {0o600}
        folders = [path for path in (host.root / "data").rglob("*") if path.is_dir()]
        assert {path.stat().st_mode & 0o077 for path in folders} == {0}

    in_host(tmp_path, scene)


def test_nothing_is_logged_but_the_hosts_own_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> int:
        raise OSError(5, "cannot write", "/data/uploads/secret-name")

    async def play() -> str:
        async with blob_host(tmp_path) as host:
            upload, blob, _ = await host.put(DATA)
            await host.read(blob)
            await host.create(0)
            await host.client.get(f"{host.url}/blobs/none")
            assert said.getvalue() == caplog.text == ""
            monkeypatch.setattr(os, "pwritev", broken)
            assert (await host.patch(await host.begin(10), 0, b"x")).status == 500
            return upload

    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), caplog.at_level(logging.INFO):
        upload = asyncio.run(play())
    told = said.getvalue() + caplog.text
    assert "OSError" in told
    assert "_write_part" in told
    for secret in ("secret-name", "127.0.0.1", upload.rpartition("/")[2]):
        assert secret not in told


def test_a_repr_shows_no_secret() -> None:
    upload = an_upload(1)
    shown = repr(upload) + repr(Created(upload, b"erase-token-here"))
    headers = {"Upload-Length": "5", "Aparte-Ticket": "dGlja2V0"}
    shown += repr(tus.parse_creation(headers, Limits()))
    for secret in (upload.upload_id, upload.blob_id, HASH, b"erase-token-here", b"ticket'"):
        assert repr(secret).strip("b'") not in shown
