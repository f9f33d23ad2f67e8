"""What a browser finds at a host: the files of the web app and nothing else, or a page that says there is none."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest

from aparte.server.shell import pages
from aparte.server.shell.pages import welcome_page
from tests.server.living import NAME, visit

PAGE = b"<!doctype html><title>app</title>" + b" " * 100_000
SCRIPT = "assets/app-BX12cd_9.js"
EVERYWHERE = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A web app as a build leaves it."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "index.html.gz").write_bytes(gzip.compress(PAGE))
    (folder / "index.html.br").write_bytes(b"as brotli would have it")
    (folder / SCRIPT).write_text("export {}")
    (folder / "engine.wasm").write_bytes(b"\0asm" + bytes(range(256)) * 4096)
    return folder


def policy_of(answer: aiohttp.ClientResponse) -> dict[str, list[str]]:
    directives = [part.split() for part in answer.headers["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in directives}


def test_the_app_in_the_form_that_is_asked_for(tmp_path: Path, app: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        for path in ("/", "/index.html"):
            for asked, coding, size in (
                (None, None, len(PAGE)),
                ("gzip, deflate, br", "br", 23),
                ("br;q=0, gzip;q=0.5", "gzip", (app / "index.html.gz").stat().st_size),
                ("br;q=0, gzip;q=0", None, len(PAGE)),
            ):
                headers = {} if asked is None else {"Accept-Encoding": asked}
                async with session.get(url + path, headers=headers) as answer:
                    assert answer.status == 200
                    assert answer.headers.get("Content-Encoding") == coding
                    assert answer.headers["Vary"] == "Accept-Encoding"
                    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                    assert int(answer.headers["Content-Length"]) == size == len(body := await answer.read())
                    assert coding != "gzip" or gzip.decompress(body) == PAGE
                    assert EVERYWHERE.items() <= answer.headers.items()

    visit(tmp_path / "data", visitor, web_app=app)


def test_what_browsers_keep_and_what_they_ask_for_again(tmp_path: Path, app: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        etags = set()
        for coding in ("br", "gzip", "identity"):
            async with session.get(url, headers={"Accept-Encoding": coding}) as answer:
                assert answer.headers["Cache-Control"] == "no-cache"
                etags.add(etag := answer.headers["ETag"])
            for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                headers = {"Accept-Encoding": coding, "If-None-Match": known}
                async with session.get(url, headers=headers) as answer:
                    assert (answer.status, await answer.read()) == (304, b""), known
                    assert answer.headers["ETag"] == etag
                    assert "Content-Security-Policy" in answer.headers
            async with session.get(url, headers={"Accept-Encoding": coding, "If-None-Match": '"other"'}) as answer:
                assert answer.status == 200
        assert len(etags) == 3, "a cache could take one form for another"
        async with session.get(f"{url}/{SCRIPT}") as answer:
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert "Vary" not in answer.headers
        async with session.get(f"{url}/engine.wasm") as answer:
            assert (answer.headers["Cache-Control"], answer.content_type) == ("no-cache", "application/wasm")
            assert await answer.read() == (app / "engine.wasm").read_bytes()

    visit(tmp_path / "data", visitor, web_app=app)


def test_head_says_the_same_without_the_body(tmp_path: Path, app: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        for path in ("/", f"/{SCRIPT}", "/engine.wasm"):
            async with session.get(url + path) as got, session.head(url + path) as answer:
                assert (answer.status, await answer.read()) == (200, b"")
                same = {name: value for name, value in got.headers.items() if name != "Date"}
                assert same == {name: value for name, value in answer.headers.items() if name != "Date"}
        async with session.get(f"{url}/{SCRIPT}") as answer:  # the connection is in order
            assert await answer.read() == b"export {}"

    visit(tmp_path / "data", visitor, web_app=app)


@pytest.mark.parametrize("is_private", [True, False])
def test_the_policy_is_what_the_engine_needs_and_no_more(tmp_path: Path, app: Path, is_private: bool) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        for path in ("/", f"/{SCRIPT}"):  # a worker's policy is its own script's
            async with session.get(url + path) as answer:
                policy = policy_of(answer)
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
            assert policy["form-action"] == ["'none'"]
            assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
            assert policy["worker-src"] == policy["style-src"] == ["'self'"]
            assert policy["require-trusted-types-for"] == ["'script'"]
            assert policy["connect-src"][:3] == ["'self'", "https:", "wss:"]
            assert ("ws://localhost:*" in policy["connect-src"]) == is_private
            assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & {word for words in policy.values() for word in words}

    visit(tmp_path / "data", visitor, web_app=app, behind_proxy=not is_private)


async def raw(url: str, target: str) -> int:
    """The status of a request whose path no library has made tidy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize(
    "target",
    [
        "/../data/keys.json",
        "/..%2fdata/keys.json",
        "/%2e%2e/data/keys.json",
        "/assets/../../data/keys.json",
        "/assets/..%5c..%5cdata/keys.json",
        "//data/keys.json",
        "/static/index.html",
        "/index.html.br",
        "/index.html.gz",
        "/index.html%00",
        "/index.html/",
        "/assets",
        "/assets/",
        "/keys.json",
        "/.git/config",
    ],
)
def test_no_path_leads_anywhere_else(tmp_path: Path, app: Path, target: str) -> None:
    (app / "keys.json").symlink_to(tmp_path / "data" / "keys.json")

    async def visitor(_: aiohttp.ClientSession, url: str) -> None:
        assert await raw(url, target) in {400, 404}
        assert await raw(url, "/assets/../index.html") in {200, 404}
        assert await raw(url, f"/{SCRIPT}") == 200

    visit(tmp_path / "data", visitor, web_app=app)


def test_unknown_paths_are_answered_in_a_line(tmp_path: Path, app: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        for method, path in (("GET", "/nothing"), ("POST", "/nothing"), ("GET", "/v2/frame")):
            async with session.request(method, url + path) as answer:
                assert (answer.status, await answer.text()) == (404, "There is nothing here.\n")
                assert EVERYWHERE.items() <= answer.headers.items()
                assert policy_of(answer)["default-src"] == ["'none'"]
        for path, method in (("/", "POST"), (f"/{SCRIPT}", "DELETE"), ("/v1/frame", "GET")):
            async with session.request(method, url + path) as answer:
                assert answer.status == 405

    visit(tmp_path / "data", visitor, web_app=app)


def test_a_file_that_was_replaced_is_not_sent(tmp_path: Path, app: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        (app / "index.html").write_bytes(b"another")
        async with session.get(url) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "30"
            assert "ETag" not in answer.headers
        async with session.get(f"{url}/{SCRIPT}") as answer:
            assert answer.status == 200

    visit(tmp_path / "data", visitor, web_app=app)


def test_who_takes_nothing_is_let_go(tmp_path: Path, app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_IDLE_SECONDS", 0.5)
    (app / "big.txt").write_bytes(bytes(64 << 20))

    async def visitor(_: aiohttp.ClientSession, url: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), limit=1024)
        writer.write(b"GET /big.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(2)
        taken = 0
        try:
            while piece := await reader.read(1 << 20):
                taken += len(piece)
        except ConnectionResetError:
            pass
        assert taken < 64 << 20
        writer.close()

    visit(tmp_path / "data", visitor, web_app=app)


# -- no app -------------------------------------------------------------------------------------------------------
class Outside(HTMLParser):
    """What a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "img", "iframe", "object", "form"}:
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name in {"src", "href", "style"} or name.startswith("on")]


def test_without_an_app_a_page_says_so(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            assert EVERYWHERE.items() <= answer.headers.items()
            page, policy = await answer.text(), policy_of(answer)
        assert NAME in page
        assert "Aparte host" in page
        assert "docs/how-to/host.md" in page
        outside = Outside()
        outside.feed(page)
        assert outside.found == []
        assert set(policy) == {
            "default-src", "style-src", "base-uri", "form-action", "frame-ancestors", "require-trusted-types-for",
        }  # fmt: skip
        [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy["style-src"] == [f"'sha256-{digest}'"]
        async with session.get(f"{url}/index.html") as answer:
            assert answer.status == 404

    for number, folder in enumerate((tmp_path / "none", tmp_path / "empty")):
        if number:
            folder.mkdir()
            (folder / "no-index.txt").write_text("an app without a page is none")
        visit(tmp_path / f"data{number}", visitor, web_app=folder)


def test_outside_control() -> None:
    outside = Outside()
    outside.feed('<script></script><p style="x" onclick="y"><a href="z">')
    assert outside.found == ["script", "style", "onclick", "href"]


def test_a_name_is_only_a_name() -> None:
    page = welcome_page("<script>$host")
    assert "<script>" not in page
    assert "&lt;script&gt;$host" in page
