"""What the host uses of aiohttp beyond its interface is still there, and still the same.

`shell/sockets.py` and `shell/server_header.py` rest on it, so aiohttp is pinned; docs/dependencies.md says what to do
for a newer one.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web

from tests.rules.house import PYPROJECT, ROOT

_READER: Final = "aiohttp._websocket.reader"
#: What aiohttp does when a WebSocket starts, which `Socket._post_start` does in its place.
_POST_START: Final = """
self._ws_protocol = protocol
self._writer = writer
self._reset_heartbeat()
loop = self._loop
assert loop is not None
self._reader = WebSocketDataQueue(request._protocol, DEFAULT_CHUNK_SIZE, loop=loop)
self._parser = WebSocketReader(self._reader, self._max_msg_size, compress=bool(self._compress),
    decode_text=self._decode_text,)
cb = None if self._heartbeat is None else self._on_data_received
request.protocol.set_parser(self._parser, data_received_cb=cb)
request.protocol.keep_alive(False)
"""


def plain(code: str) -> str:
    """Without comments, blanks and the signature."""
    body = code.partition(") -> None:\n")[2] or code
    return re.sub(r"\s", "", re.sub(r"#.*", "", body))


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def _attributes(name: str, *path: str) -> Any:
    found: Any = importlib.import_module(name)
    for attribute in path:
        found = getattr(found, attribute)
    return found


#: What we use, and a look at whether it is what it was. Cython's classes keep no signatures, so they are called.
USED: Final[dict[str, Callable[[], bool]]] = {
    "aiohttp._websocket.reader.WebSocketDataQueue: feed_data(data, size), which may be overridden, and its _buffer": (
        lambda: _queue_works(_attributes(_READER, "WebSocketDataQueue"))
    ),
    "aiohttp._websocket.reader.WebSocketReader(queue, longest, compress=, decode_text=)": (
        lambda: _reader_works(_attributes(_READER, "WebSocketReader"), _attributes(_READER, "WebSocketDataQueue"))
    ),
    "WebSocketResponse._post_start(request, protocol, writer)": (
        lambda: parameters(web.WebSocketResponse._post_start) == ["self", "request", "protocol", "writer"]
    ),
    "WebSocketResponse._post_start, line for line": (
        lambda: plain(inspect.getsource(web.WebSocketResponse._post_start)) == plain(_POST_START)
    ),
    "the request's protocol: set_parser(parser), keep_alive(value)": (
        lambda: (
            parameters(web.RequestHandler.set_parser)[:2] == ["self", "parser"]
            and parameters(web.RequestHandler.keep_alive) == ["self", "val"]
        )
    ),
    "aiohttp.web_response.SERVER_SOFTWARE": lambda: isinstance(
        _attributes("aiohttp.web_response", "SERVER_SOFTWARE"), str
    ),
}


def _queue_of(kind: Any) -> tuple[Any, list[Any]]:
    """A queue of a class of ours, and what it is fed."""
    fed: list[Any] = []

    class Ours(kind):  # type: ignore[misc]
        def feed_data(self, data: Any, size: int) -> None:
            fed.append(data)
            super().feed_data(data, size)

    protocol = SimpleNamespace(_reading_paused=False, pause_reading=lambda: None, resume_reading=lambda: None)
    return Ours(protocol, 1 << 16, loop=None), fed


def _queue_works(kind: Any) -> bool:
    queue, _ = _queue_of(kind)
    before = bool(queue._buffer)
    queue.feed_data("message", 7)
    return not before and bool(queue._buffer)


def _reader_works(kind: Any, queue_kind: Any) -> bool:
    queue, fed = _queue_of(queue_kind)
    kind(queue, 100, compress=False, decode_text=True).feed_data(b"\x82\x02hi")
    return [(message.type, message.data) for message in fed] == [(aiohttp.WSMsgType.BINARY, b"hi")]


def amiss() -> list[str]:
    """What has gone, or has changed."""
    found: list[str] = []
    for name, look in USED.items():
        try:
            if not look():
                found.append(f"{name}: is not what it was")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not as it was
            found.append(f"{name}: {error!r}")
    return found


def test_what_we_use_is_there() -> None:
    found = "\n  ".join(amiss())
    assert not found, (
        f"aiohttp {aiohttp.__version__} has not what shell/sockets.py and shell/server_header.py rest on:\n  {found}\n"
        'See "Why aiohttp is pinned" in docs/dependencies.md.'
    )


def test_it_is_pinned_and_the_page_says_why() -> None:
    [pin] = [each for each in PYPROJECT["project"]["dependencies"] if each.startswith("aiohttp")]
    assert re.match(r"aiohttp>=3\.(\d+),<3\.(\d+);", pin), "a version of aiohttp that nobody has tried might come"
    page = (ROOT / "docs/dependencies.md").read_text()
    section = page.partition("### Why aiohttp is pinned\n")[2].partition("\n#")[0]
    assert "shell/sockets.py" in section
    assert "shell/server_header.py" in section
    assert pin.partition("<")[2].partition(";")[0] in page


@pytest.mark.parametrize(
    ("where", "name", "instead"),
    [
        ("aiohttp._websocket.reader", "WebSocketDataQueue", None),
        ("aiohttp._websocket.reader", "WebSocketReader", None),
        ("aiohttp._websocket.reader", "WebSocketReader", lambda _: None),
        ("aiohttp._websocket.reader", "WebSocketDataQueue", type("Other", (), {"feed_data": lambda *_: None})),
        ("aiohttp.web_ws.WebSocketResponse", "_post_start", None),
        (
            "aiohttp.web_ws.WebSocketResponse",
            "_post_start",
            lambda self, request, protocol, writer: (self, request, protocol, writer),
        ),
        ("aiohttp.web_protocol.RequestHandler", "set_parser", None),
        ("aiohttp.web_response", "SERVER_SOFTWARE", None),
    ],
)
def test_control(monkeypatch: pytest.MonkeyPatch, where: str, name: str, instead: Any) -> None:
    if instead is None:
        monkeypatch.delattr(f"{where}.{name}")
    else:
        monkeypatch.setattr(f"{where}.{name}", instead)
    assert any(name in line for line in amiss()), amiss()
