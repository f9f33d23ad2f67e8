"""Words are planted in all that a client tells a host in confidence, and looked for in all that the host wrote.

Files are searched as they are on the disk, write-ahead logs and lines of log included, for the words as they are, in
UTF-16, hex, base64 and compressed streams' likeness (nothing here compresses). The control plants a word where the
host is told it in clear, and has to find it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import subprocess
import time
from pathlib import Path

import aiohttp
import pytest
from nacl.signing import SigningKey

from aparte.crypto import Sealer, new_file_key
from aparte.crypto.native import NativeProvider
from aparte.mls import Config, Credential, Lifetime, create_group, create_key_package, protect
from aparte.server.blobs.tokens import encode_token
from aparte.server.opening import new_pass
from aparte.server.shell.keys import load_keys
from aparte.wire import decode_frame, encode, encode_frame
from aparte.wire.account_frames import Drop
from aparte.wire.entries import NO_KEY
from aparte.wire.ids import EntryKind, Idem, Lane, Request, TicketKind
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted, Post
from aparte.wire.tickets import TicketBody, ticket_statement
from tests.hosting import HOST, Log
from tests.hosting_accounts import town
from tests.server.admin import hosts

AEAD = NativeProvider().chacha20_poly1305
WORDS = {
    "message": b"meet-me-at-the-heron-pond",
    "title": b"Committee-of-the-Quiet-Otters",
    "group name": b"plan-zephyr-marmalade",
    "file name": b"ledger-of-the-lighthouse.pdf",
    "file": b"page-one-of-the-cormorant-papers",
    "inbox": b"welcome-to-the-velvet-hedgehog",
    "header": b"browser-of-the-nutmeg-heron",
    "query": b"query-of-the-sleepy-walrus",
}
IN_CLEAR = b"said-aloud-in-the-market-square"


def likenesses(word: bytes) -> set[bytes]:
    """How a word may have been written."""
    shifted = {base64.b64encode(b"\0" * pad + word)[4:-4] for pad in range(3)}
    text = word.decode()
    return {word, text.encode("utf-16-le"), text.encode("utf-16-be"), word.hex().encode(), *shifted}


def found(folder: Path, word: bytes) -> list[str]:
    """The files that hold a word, in whatever likeness."""
    looks = likenesses(word)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in files if any(look in path.read_bytes() for look in looks)]


def ticket(folder: Path, kind: TicketKind) -> bytes:
    """As the host itself would give one out."""
    key = SigningKey(load_keys(folder / "keys.json", rng=os.urandom).ticket_seed)
    body = TicketBody(1, HOST, HOST, kind, int(time.time() // 86_400) + 1, secrets.token_bytes(16))
    return encode(body) + key.sign(ticket_statement(body)).signature


def sealed_message() -> bytes:
    """What a member would post: the words in an MLS message."""
    suite = NativeProvider().suite(0xF0A2)
    now = int(time.time())
    keys = create_key_package(suite, Credential.basic(b"alice"), lifetime=Lifetime(now - 60, now + 3600))
    group = create_group(suite, Config(authenticate=lambda _credential, _key: True), keys)
    told = b" ".join(WORDS[name] for name in ("message", "title", "group name", "file name"))
    return protect(group, told).message


def sealed_file() -> bytes:
    sealer = Sealer(AEAD, new_file_key(os.urandom))
    return b"".join([*sealer.feed(WORDS["file"] * 1000), sealer.finish()])


async def tells(url: str, folder: Path, log: Log, *, drop: Drop, aloud: bytes) -> None:
    """All that a client tells a host in confidence; and `aloud`, posted in clear."""
    shown = new_pass(hosts.keys_of(folder).pass_key, log.log_id, node=log.node, now=hosts.clock())
    headers = {"User-Agent": WORDS["header"].decode(), "Cookie": f"a={WORDS['header'].decode()}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(20)) as session:
        for body in (sealed_message(), aloud):
            fields = (log.log_id, log.node, Idem(secrets.token_bytes(16)), EntryKind.APP, NO_KEY, shown, body)
            assert isinstance(await asks(session, url, Post(Request(1), *fields)), Accepted)
        assert isinstance(await asks(session, url, drop), Done)
        metadata = f"filename {base64.b64encode(WORDS['file name']).decode()}"
        blob = sealed_file()
        upload = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(blob)),
            "Upload-Metadata": metadata,
            "Content-Type": "application/offset+octet-stream",
            "Aparte-Ticket": encode_token(ticket(folder, TicketKind.UPLOAD_BLOB)),
        }
        async with session.post(f"{url}/v1/uploads", headers=upload, data=blob) as answer:
            assert answer.status == 201, await answer.text()
            where = f"{url}/v1/blobs/{answer.headers['Aparte-Blob']}?{WORDS['query'].decode()}"
        async with session.get(where) as answer:
            assert await answer.read() == blob
        async with session.get(f"{url}/{WORDS['query'].decode()}") as answer:
            assert answer.status == 404
        async with session.post(f"{url}/v1/frame", data=b"\xff" + WORDS["message"]) as answer:
            assert answer.status in (200, 400)


async def asks(session: aiohttp.ClientSession, url: str, frame: object) -> object:
    async with session.post(f"{url}/v1/frame", data=encode_frame(frame)) as answer:
        return decode_frame(await answer.read())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that a host wrote: its folder, and what it said. It was killed, so that its logs are as in use."""
    root = tmp_path_factory.mktemp("planted")
    data = root / "data"
    data.mkdir(mode=0o700)
    load_keys(data / "keys.json", rng=os.urandom)
    with town(data, now=hosts.clock()) as place:
        place.store.incarnation(os.urandom)
        alice = place.resident("alice")
        log = hosts.log_with(place)
        suite = NativeProvider().suite(0xF0A2)
        secret = suite.generate_kem_key()
        item = b"".join(suite.hpke_seal(secret.public_key, b"", b"", WORDS["inbox"]))
        fields = (alice.account_id, alice.device_id, Lane.REQUEST, Idem(secrets.token_bytes(16)))
        drop = Drop(Request(2), *fields, ticket(data, TicketKind.KNOCK), item)
    command = [hosts.APARTE, "serve", "--data", data, "--listen", "127.0.0.1:0", "--domain", HOST]
    with (root / "said.log").open("w") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            while "running at" not in (root / "said.log").read_text():
                assert process.poll() is None, (root / "said.log").read_text()
                time.sleep(0.05)
            url = (root / "said.log").read_text().split("running at ")[1].split()[0]
            asyncio.run(tells(url, data, log, drop=drop, aloud=IN_CLEAR))
        finally:
            process.kill()
    return root


@pytest.mark.parametrize("kind", WORDS)
def test_nothing_that_was_said_in_confidence_is_there(folder: Path, kind: str) -> None:
    assert found(folder, WORDS[kind]) == []


def test_control(folder: Path) -> None:
    assert found(folder, IN_CLEAR) == ["host.db-wal"]
    assert found(folder, b"running at") == ["said.log"]
    for likeness in likenesses(b"a-word-in-disguise"):
        (folder / "planted").write_bytes(b"before" + likeness + b"after")
        assert found(folder, b"a-word-in-disguise") == ["planted"]
