"""tus over HTTP: creating, appending, asking; every answer's status and headers."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path

import pytest

from aparte.server.blobs import Limits
from tests.server.blobs.blob_host import NOON, PATCH, TICKET, TUS, BlobHost, content, in_host
from tests.server.blobs.raw_patch import RawPatch

DATA = content(100_000)


def checksum(algorithm: str, data: bytes) -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def test_an_upload_from_end_to_end(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        created = await host.create(len(DATA), Aparte_Keep_Days="7")
        assert created.status == 201
        assert created.headers["Tus-Resumable"] == "1.0.0"
        assert created.headers["Upload-Expires"].endswith(" GMT")
        assert created.headers["Cache-Control"] == "no-store"
        assert host.world.spent == [(b"a good ticket", len(DATA), NOON)]
        upload = host.url + created.headers["Location"]
        assert await host.offset(upload) == 0
        first = await host.patch(upload, 0, DATA[:1000])
        assert (first.status, first.headers["Upload-Offset"]) == (204, "1000")
        assert "Upload-Expires" in first.headers
        looked = await host.client.head(upload, headers=TUS)
        assert (looked.headers["Upload-Offset"], looked.headers["Upload-Length"]) == ("1000", str(len(DATA)))
        assert looked.headers["Cache-Control"] == "no-store"
        assert (await host.client.get(host.blob(created))).status == 404  # not before it is whole
        last = await host.patch(upload, 1000, DATA[1000:])
        assert (last.status, last.headers["Upload-Offset"]) == (204, str(len(DATA)))
        assert await host.read(host.blob(last)) == DATA
        # A client that missed the last answer asks, or repeats an empty end.
        assert await host.offset(upload) == len(DATA)
        assert (await host.patch(upload, len(DATA), b"")).status == 204
        assert (await host.patch(upload, 0, DATA)).status == 409

    in_host(tmp_path, scene)


def test_the_uploads_name_is_not_the_blobs(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload, blob, _ = await host.put(DATA)
        name, other = upload.rpartition("/")[2], blob.rpartition("/")[2]
        assert name != other
        assert (await host.client.head(f"{host.url}/uploads/{other}", headers=TUS)).status == 404
        assert (await host.client.get(f"{host.url}/blobs/{name}")).status == 404

    in_host(tmp_path, scene)


async def error(response: object) -> tuple[int, str]:
    """(status, code): the code stands in the body and in a header, beside what every answer carries."""
    body = await response.json()  # type: ignore[attr-defined]
    headers = response.headers  # type: ignore[attr-defined]
    assert set(body) == {"error", "detail"}
    assert headers["Aparte-Error"] == body["error"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    return response.status, body["error"]  # type: ignore[attr-defined]


def test_refusals(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        client, uploads = host.client, f"{host.url}/uploads"
        assert await error(await client.post(uploads)) == (412, "version")
        old = await client.post(uploads, headers={"Tus-Resumable": "0.2.2"})
        assert old.headers["Tus-Version"] == "1.0.0"
        assert await error(await client.post(uploads, headers=TUS)) == (400, "bad_request")
        assert await error(await client.post(uploads, headers=TUS | {"Upload-Length": "5"})) == (403, "ticket_missing")
        assert await error(await host.create(5, Aparte_Ticket="bm8")) == (403, "ticket_refused")
        assert await error(await host.create(2001)) == (413, "too_large")
        host.world.keep_days = 7
        assert await error(await host.create(5)) == (403, "quota")
        host.world.keep_days = 30
        once = {"Aparte_Ticket": b64encode(b"a good ticket, once").decode().rstrip("=")}
        assert (await host.create(5, **once)).status == 201
        assert await error(await host.create(5, **once)) == (403, "ticket_spent")

        upload = await host.begin(1000)
        assert await error(await host.patch(upload, 1, b"x")) == (409, "offset")
        assert await error(await host.patch(upload, 0, b"x", Content_Type="text/plain")) == (415, "content_type")
        assert await error(await host.patch(upload, 0, bytes(1001))) == (413, "too_large")
        assert await error(await client.patch(upload, data=b"x", headers=PATCH)) == (400, "bad_request")
        assert await error(await client.get(upload)) == (405, "method")
        assert (await client.get(upload)).headers["Allow"] == "HEAD, PATCH, DELETE, OPTIONS"
        assert await host.offset(upload) == 0
        for name in ("A" * 22, "short", "%2e%2e%2fx"):
            assert await error(await host.patch(f"{uploads}/{name}", 0, b"x")) == (404, "not_found")
            missing = await client.head(f"{uploads}/{name}", headers=TUS)
            assert (missing.status, missing.headers["Aparte-Error"]) == (404, "not_found")
            assert "Upload-Offset" not in missing.headers

    in_host(tmp_path, scene, limits=Limits(blob_bytes=2000))


def test_a_refused_creation_costs_no_ticket(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        await host.create(0)
        await host.create(1 << 40)
        host.world.free = 0
        assert (await host.create(5)).status == 507
        headers = TUS | {"Upload-Length": "5", "Aparte-Ticket": TICKET, "Content-Type": "text/plain"}
        assert (await host.client.post(f"{host.url}/uploads", headers=headers, data=b"x")).status == 415
        assert host.world.spent == []

    in_host(tmp_path, scene)


def test_options_tells_what_there_is(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        answer = await host.client.options(f"{host.url}/uploads")
        assert answer.status == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert answer.headers["Tus-Max-Size"] == "2000"
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
        extensions = "creation,creation-with-upload,expiration,termination,checksum"
        assert answer.headers["Tus-Extension"] == extensions

    in_host(tmp_path, scene, limits=Limits(blob_bytes=2000))


def test_cors_for_any_origin_and_no_credentials(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload, blob, _ = await host.put(DATA)
        asked = {"Origin": "https://chat.example", "Access-Control-Request-Method": "PATCH"}
        for url, methods in {
            f"{host.url}/uploads": {"POST"},
            upload: {"HEAD", "PATCH", "DELETE", "POST"},
            blob: {"GET", "HEAD", "DELETE"},
        }.items():
            preflight = await host.client.options(url, headers=asked)
            allowed = preflight.headers["Access-Control-Allow-Methods"].split(", ")
            assert methods <= set(allowed)
            assert len(allowed) == len(set(allowed))
            assert "Aparte-Ticket" in preflight.headers["Access-Control-Allow-Headers"]
            assert int(preflight.headers["Access-Control-Max-Age"]) > 0
        for answer in (
            await host.client.get(blob, headers=asked),
            await host.client.get(blob, headers=asked | {"Range": "bytes=0-1"}),
            await host.client.get(blob, headers=asked | {"Range": "bytes=9999999-"}),
            await host.client.head(upload, headers=asked | TUS),
            await host.client.get(f"{host.url}/blobs/none", headers=asked),
        ):
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
            exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
            assert {"Location", "Upload-Offset", "Aparte-Blob", "Aparte-Erase-Token", "Content-Range"} <= set(exposed)
            assert "Set-Cookie" not in answer.headers

    in_host(tmp_path, scene)


def test_the_method_may_stand_in_a_header(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        created = await host.create(5)
        upload = host.url + created.headers["Location"]
        over = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
        assert (await host.client.post(upload, data=b"hello", headers=PATCH | over)).status == 204
        looked = await host.client.post(upload, headers=TUS | {"X-HTTP-Method-Override": "HEAD"})
        assert looked.headers["Upload-Offset"] == "5"
        erase = {"X-HTTP-Method-Override": "DELETE", "Aparte-Erase-Token": created.headers["Aparte-Erase-Token"]}
        assert (await host.client.post(host.blob(created), headers=erase)).status == 204
        assert (await host.client.get(host.blob(created))).status == 404

    in_host(tmp_path, scene)


# -- a body with the creation ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("sent", [1, 60_000, 100_000])
def test_creation_with_upload(tmp_path: Path, sent: int) -> None:
    async def scene(host: BlobHost) -> None:
        headers = PATCH | {"Upload-Length": str(len(DATA)), "Aparte-Ticket": TICKET}
        created = await host.client.post(f"{host.url}/uploads", data=DATA[:sent], headers=headers)
        assert (created.status, created.headers["Upload-Offset"]) == (201, str(sent))
        upload = host.url + created.headers["Location"]
        assert (await host.patch(upload, sent, DATA[sent:])).status == 204
        assert await host.read(host.blob(created)) == DATA

    in_host(tmp_path, scene)


def test_the_creation_stands_even_if_its_body_fails(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        headers = PATCH | {"Upload-Length": "10", "Aparte-Ticket": TICKET}
        wrong = {"Upload-Checksum": checksum("sha1", b"something else")}
        for data, extra in ((b"0123456789", wrong), (b"0123456789 and more", {})):
            created = await host.client.post(f"{host.url}/uploads", data=data, headers=headers | extra)
            assert (created.status, created.headers["Upload-Offset"]) == (201, "0")
            assert (await host.patch(host.url + created.headers["Location"], 0, b"0123456789")).status == 204
            assert await host.read(host.blob(created)) == b"0123456789"

    in_host(tmp_path, scene)


# -- checksums ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_checksum(tmp_path: Path, algorithm: str) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        good = await host.patch(upload, 0, DATA[:70_000], Upload_Checksum=checksum(algorithm, DATA[:70_000]))
        assert (good.status, good.headers["Upload-Offset"]) == (204, "70000")
        bad = await host.patch(upload, 70_000, DATA[70_000:], Upload_Checksum=checksum(algorithm, b"else"))
        assert (bad.status, bad.reason, bad.headers["Aparte-Error"]) == (460, "Checksum Mismatch", "checksum")
        assert await host.offset(upload) == 70_000
        [file] = [path for path in host.files() if "uploads" in path.parts]
        assert file.stat().st_size == 70_000  # what was refused is gone
        last = await host.patch(upload, 70_000, DATA[70_000:], Upload_Checksum=checksum(algorithm, DATA[70_000:]))
        assert await host.read(host.blob(last)) == DATA

    in_host(tmp_path, scene, limits=Limits(part_bytes=4096, checkpoint_bytes=8192))


# -- bodies of another length than said -----------------------------------------------------------------------------
def test_a_chunked_body_may_not_go_beyond_the_length(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(1000)
        async with RawPatch(upload, 0, length=None) as patch:
            await patch.chunk(bytes(900))
            await patch.chunk(bytes(101))
            assert await patch.status() == 413
        assert await host.offset(upload) == 0
        async with RawPatch(upload, 0, length=None) as patch:
            await patch.chunk(DATA[:1000])
            await patch.chunk(b"")
            assert await patch.status() == 204
        assert host.rows("blob") == 1

    in_host(tmp_path, scene)


def test_a_compressed_body_is_refused(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(1000)
        async with RawPatch(upload, 0, length=10, headers={"Content-Encoding": "gzip"}) as patch:
            assert await patch.status() == 415
        assert await host.offset(upload) == 0

    in_host(tmp_path, scene)


def test_a_body_that_is_too_long_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(1000)
        async with RawPatch(upload, 0, length=1 << 40) as patch:
            assert await patch.status() == 413
        assert await host.offset(upload) == 0

    in_host(tmp_path, scene)
