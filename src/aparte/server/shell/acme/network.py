"""The library's connection to a CA, within bounds: https alone, answers of bounded size, so many, for so long.

The library itself reads whatever comes and follows every URL that it is told.
"""

from __future__ import annotations

import io
import threading
import time
from typing import Any, Final

import requests
import urllib3
from acme.client import ClientNetwork, ClientV2
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey
from requests.adapters import HTTPAdapter

import aparte
from aparte.server.shell.acme.shelf import Key

__all__ = ["Line"]

#: Seconds without a byte; and for an answer, headers aside.
_SILENCE: Final = 20
_MOST_SECONDS_OF_AN_ANSWER: Final = 60.0
#: A directory and a chain have some KiB.
_MOST_BYTES: Final = 1 << 18
_PIECE: Final = 1 << 14
#: In one try. The library asks once a second, for 90 seconds, whether the CA has looked, and as long for the chain.
_MOST_ANSWERS: Final = 400
_MOST_SECONDS: Final = 600.0
_MOST_REDIRECTS: Final = 3
_BUSY: Final = frozenset({429, 503})


class OutOfBounds(requests.RequestException):
    """The CA answers too much, too often, for too long; or nobody waits for it any more."""


class _Bounds(HTTPAdapter):
    """Looks at each answer before the library does."""

    def __init__(self, stopping: threading.Event) -> None:
        super().__init__()
        self._stopping = stopping
        self._end = time.monotonic() + _MOST_SECONDS
        self._answers = 0
        #: What the latest refusal for too many requests, or of a CA that is busy, said (RFC 8555 §6.6).
        self.retry_after: str | None = None

    def build_response(self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse) -> requests.Response:
        """The answer, read whole. Raises `OutOfBounds`, `requests.ConnectionError`."""
        self._answers += 1
        try:
            self._require_time()
            if self._answers > _MOST_ANSWERS:
                raise OutOfBounds("the CA wants to be asked without end")
            whole = self._read(resp)
        finally:
            resp.close()
        self.retry_after = resp.headers.get("Retry-After") if resp.status in _BUSY else None
        return super().build_response(req, whole)

    def _require_time(self) -> None:
        if self._stopping.is_set():
            raise OutOfBounds("the host stops")
        if time.monotonic() > self._end:
            raise OutOfBounds("the CA takes too long")

    def _read(self, answer: urllib3.BaseHTTPResponse) -> urllib3.HTTPResponse:
        body, end = bytearray(), time.monotonic() + _MOST_SECONDS_OF_AN_ANSWER
        try:
            while piece := answer.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > _MOST_BYTES:
                    raise OutOfBounds(f"an answer of the CA is larger than {_MOST_BYTES} bytes")
                if time.monotonic() > end:
                    raise OutOfBounds("an answer of the CA does not end")
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error
        headers = urllib3.HTTPHeaderDict(answer.headers)
        for spent in ("Content-Encoding", "Content-Length", "Transfer-Encoding"):  # of the body as it came
            headers.pop(spent, None)
        return urllib3.HTTPResponse(
            io.BytesIO(body), headers, answer.status, reason=answer.reason, preload_content=False
        )


class Line:
    """A client of one CA, for one try."""

    def __init__(self, key: Key, stopping: threading.Event) -> None:
        self.key = JWKEC(key=ComparableECKey(key))
        self._bounds = _Bounds(stopping)
        self._network = ClientNetwork(
            key=self.key, alg=ES256, user_agent=f"aparte/{aparte.__version__}", timeout=_SILENCE
        )
        session = self._network.session
        session.adapters.clear()  # with it goes the one for http
        session.mount("https://", self._bounds)
        session.max_redirects = _MOST_REDIRECTS

    def client(self, directory: str) -> ClientV2:
        """After asking for the directory."""
        return ClientV2(ClientV2.get_directory(directory, self._network), self._network)

    def pause(self) -> float:
        """Seconds that the CA wants to be left alone for."""
        found: Any = self._bounds.retry_after
        return float(found) if found is not None and found.isdecimal() and len(found) < 9 else 0.0

    def close(self) -> None:
        self._network.session.close()
