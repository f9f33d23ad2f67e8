"""What a browser finds at the host: the web app's files, or, where none was built, a page that says so."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

import structlog
from aiohttp import ETag, web

import aparte
from aparte.server.shell.codings import IDENTITY, choose_coding
from aparte.server.shell.page_headers import app_headers, page_headers, plain_headers
from aparte.server.shell.web_files import Replaced, Stored, WebFile, web_files

__all__ = ["BUILT_APP", "Pages", "nothing_here"]

#: Where the build puts the web app.
BUILT_APP: Final = Path(aparte.__file__).parent / "static"
_INDEX: Final = "index.html"
_PIECE: Final = 256 * 1024
#: How long a client may take nothing of what it asked for.
_IDLE_SECONDS: Final = 60.0
_FOREVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("aparte.host")


class Pages:
    """The handlers, for the files that are there now."""

    def __init__(self, host: str, *, folder: Path | None = None, is_private: bool) -> None:
        self._files = web_files(folder or BUILT_APP)
        self._headers = app_headers(is_private=is_private)
        self._welcome = welcome_page(host)
        if self._files and _INDEX not in self._files:
            log.error("the folder of the web app has no index.html, so none is served")
            self._files = {}

    def routes(self) -> list[web.RouteDef]:
        """To be mounted at the host's root: one for each file, and so no path leads anywhere else."""
        if not self._files:
            return [web.get("/", self.welcome)]
        return [web.get("/", self.file), *(web.get(f"/{name}", self.file) for name in self._files)]

    async def welcome(self, _: web.Request) -> web.Response:
        """There is a host, and no web app."""
        headers = page_headers(_STYLE.findall(self._welcome)[0]) | {"Cache-Control": _ASK_AGAIN}
        return web.Response(text=self._welcome, content_type="text/html", headers=headers)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file of the app, in the form that the client likes best."""
        found = self._files[request.path.removeprefix("/") or _INDEX]
        coding = choose_coding(",".join(request.headers.getall("Accept-Encoding", [])), found.forms)
        form = found.forms[coding]
        headers = self._headers | _headers_of(found, coding)
        if _has_it(request, form):
            return web.Response(status=304, headers=headers)
        response = web.StreamResponse(headers=headers | {"Content-Type": found.kind})
        response.content_length = form.size
        if request.method == "HEAD":
            return response
        try:
            await _send(request, response, form=form)
        except (Replaced, OSError) as error:
            if response.prepared:
                raise
            log.error("a file of the web app is not what it was: restart the host", error=repr(error))
            return web.Response(
                status=503, text="the web app is being replaced\n", headers=plain_headers() | {"Retry-After": "30"}
            )
        return response


def welcome_page(host: str) -> str:
    """The page of a host that has no web app."""
    text = Template(files("aparte.server.shell").joinpath("welcome.html").read_text(encoding="utf-8"))
    return text.substitute(host=html.escape(host))


@web.middleware
async def nothing_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """For paths that there are not: one line, to be read by people and by nobody's sniffing."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return web.Response(status=404, text="There is nothing here.\n", headers=plain_headers())


def _headers_of(found: WebFile, coding: str) -> dict[str, str]:
    form = found.forms[coding]
    headers = {"Cache-Control": _FOREVER if found.is_hashed else _ASK_AGAIN, "ETag": f'"{form.etag}"'}
    if len(found.forms) > 1:
        headers["Vary"] = "Accept-Encoding"
    if coding != IDENTITY:
        headers["Content-Encoding"] = coding
    return headers


def _has_it(request: web.Request, form: Stored) -> bool:
    known: tuple[ETag, ...] = request.if_none_match or ()
    return any(etag.value in {"*", form.etag} for etag in known)


async def _send(request: web.Request, response: web.StreamResponse, *, form: Stored) -> None:
    loop = asyncio.get_running_loop()
    file = await loop.run_in_executor(None, form.open)
    with file:
        piece = await loop.run_in_executor(None, file.read, _PIECE)
        await response.prepare(request)
        while piece:
            async with asyncio.timeout(_IDLE_SECONDS):
                await response.write(piece)
            piece = await loop.run_in_executor(None, file.read, _PIECE)
    await response.write_eof()
