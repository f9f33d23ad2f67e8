"""The blob service's HTTP: paths, headers, CORS, errors. Nothing is decided here, and no request is logged.

POST                 /uploads         create (tus)
HEAD, PATCH, DELETE  /uploads/<id>    for the uploader (tus)
GET, HEAD, DELETE    /blobs/<id>      for whoever was given the id
OPTIONS              all of them      what tus asks to be told, and CORS preflight
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import structlog
from aiohttp import web

from aparte.server.blobs import tus
from aparte.server.blobs.errors import STATUS, Refusal, Refused
from aparte.server.blobs.index import BlobId, Upload, UploadId
from aparte.server.blobs.service import BlobService
from aparte.server.blobs.tokens import encode_token

__all__ = ["blob_routes"]

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CORS: Final = {
    # Any origin, and no credentials: there are no cookies, and whoever knows an id may use it anyway.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Accept-Ranges, Aparte-Blob, Aparte-Erase-Token, Aparte-Error, Content-Length, Content-Range, ETag, Location, "
        "Retry-After, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "
        "Upload-Expires, Upload-Length, Upload-Offset"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PREFLIGHT: Final = {
    "Access-Control-Allow-Headers": (
        "Aparte-Erase-Token, Aparte-Keep-Days, Aparte-Ticket, Content-Type, If-Match, If-None-Match, Range, "
        "Tus-Resumable, Upload-Checksum, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, "
        "X-Requested-With"
    ),
    "Access-Control-Max-Age": "86400",
}
_BLOB: Final = {
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Content-Type": "application/octet-stream",
}
_UNCACHED: Final = {"Cache-Control": "no-store"}
#: Without sendfile (TLS, uvloop) a download is read in pieces of this size.
_DOWNLOAD_PIECE: Final = 256 * 1024
#: tus names a status that HTTP does not.
_REASONS: Final = {460: "Checksum Mismatch"}


def _peer(request: web.Request) -> str:
    return request.remote or ""


def blob_routes(
    service: BlobService, *, prefix: str = "", address_of: Callable[[web.Request], str] = _peer
) -> list[web.RouteDef]:
    """Routes for the host's application. Behind a proxy, `address_of` says whose request it is."""
    uploads, blobs = _Uploads(service, prefix, address_of=address_of), _Blobs(service)
    resources = {
        "/uploads": _Resource({"POST": uploads.create}, service),
        "/uploads/{id}": _Resource({"HEAD": uploads.look, "PATCH": uploads.append, "DELETE": uploads.cancel}, service),
        "/blobs/{id}": _Resource({"GET": blobs.read, "HEAD": blobs.read, "DELETE": blobs.erase}, service, is_tus=False),
    }
    return [web.route("*", prefix + path, resource.answer) for path, resource in resources.items()]


class _Resource:
    """One path: chooses by method, turns refusals into answers, adds what every answer carries."""

    def __init__(self, handlers: Mapping[str, _Handler], service: BlobService, *, is_tus: bool = True) -> None:
        self._handlers = handlers
        self._methods = ", ".join([*handlers, "OPTIONS"])
        # Whoever overrides the method sends POST.
        self._sent = self._methods if "POST" in handlers else f"POST, {self._methods}"
        self._service = service
        self._is_tus = is_tus

    async def answer(self, request: web.Request) -> web.StreamResponse:
        try:
            response = await self._answer(request)
        except Refused as refused:
            response = _refusal(refused)
        except Exception as error:  # noqa: BLE001  aiohttp would log the address, and answer without CORS
            _log(error)
            response = _refusal(Refused(Refusal.INTERNAL, "a fault of the host's own"))
        if response.status == STATUS[Refusal.METHOD]:
            response.headers["Allow"] = self._methods
        response.headers.update(_CORS)
        if self._is_tus:
            response.headers["Tus-Resumable"] = tus.VERSION
            if response.status == STATUS[Refusal.VERSION]:
                response.headers["Tus-Version"] = tus.VERSION
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method = request.headers.get("X-HTTP-Method-Override", request.method).upper()
        if method == "OPTIONS":
            allowed = {"Access-Control-Allow-Methods": self._sent} | _PREFLIGHT
            return web.Response(status=204, headers=tus.capabilities(self._service.limits) | allowed)
        if method not in self._handlers:
            raise Refused(Refusal.METHOD, f"one of {self._methods}")
        if self._is_tus:
            tus.require_version(request.headers)
        return await self._handlers[method](request)


class _Uploads:
    """tus, for the uploader."""

    def __init__(self, service: BlobService, prefix: str, *, address_of: Callable[[web.Request], str]) -> None:
        self._service = service
        self._prefix = prefix
        self._address_of = address_of

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Creation. Once the ticket is spent the answer is 201, however the body that came along fares."""
        creation = tus.parse_creation(request.headers, self._service.limits)
        first = None if tus.parse_length(request.headers) == 0 else tus.parse_append(request.headers, offset=0)
        if first is not None:
            self._service.require_place(self._address_of(request))
        created = await self._service.create(creation)
        upload = created.upload
        if first is not None:
            try:
                upload = await self._append(upload.upload_id, first, request=request)
            except Refused:  # Upload-Offset says what was kept; the client goes on from there
                upload = await self._service.look(upload.upload_id)
        headers = tus.progress(upload) | {
            "Location": f"{self._prefix}/uploads/{encode_token(upload.upload_id)}",
            "Aparte-Erase-Token": encode_token(created.erase_token),
        }
        return web.Response(status=201, headers=headers | _UNCACHED)

    async def append(self, request: web.Request) -> web.StreamResponse:
        append = tus.parse_append(request.headers)
        upload = await self._append(_upload_id(request), append, request=request)
        return web.Response(status=204, headers=tus.progress(upload) | _UNCACHED)

    async def _append(self, upload_id: UploadId, append: tus.Append, *, request: web.Request) -> Upload:
        address = self._address_of(request)
        return await self._service.append(upload_id, append, body=request.content, address=address)

    async def look(self, request: web.Request) -> web.StreamResponse:
        upload = await self._service.look(_upload_id(request))
        headers = tus.progress(upload) | {"Upload-Length": str(upload.size)}
        return web.Response(headers=headers | _UNCACHED)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        await self._service.cancel(_upload_id(request), tus.parse_erase_token(request.headers))
        return web.Response(status=204)


class _Blobs:
    """For whoever was given a blob's id."""

    def __init__(self, service: BlobService) -> None:
        self._service = service

    async def read(self, request: web.Request) -> web.StreamResponse:
        """The whole or one range of it; aiohttp does ranges, conditions and sending."""
        path = await self._service.find(_blob_id(request))
        return web.FileResponse(path, chunk_size=_DOWNLOAD_PIECE, headers=_BLOB)

    async def erase(self, request: web.Request) -> web.StreamResponse:
        await self._service.erase(_blob_id(request), tus.parse_erase_token(request.headers))
        return web.Response(status=204)


def _upload_id(request: web.Request) -> UploadId:
    return UploadId(tus.parse_id(request.match_info["id"]))


def _blob_id(request: web.Request) -> BlobId:
    return BlobId(tus.parse_id(request.match_info["id"]))


def _refusal(refused: Refused) -> web.Response:
    """The code for programs, in a header too because HEAD has no body; the words for people."""
    headers = {"Aparte-Error": str(refused.code)} | _UNCACHED
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    status = STATUS[refused.code]
    body = {"error": str(refused.code), "detail": refused.detail}
    return web.json_response(body, status=status, reason=_REASONS.get(status), headers=headers)


def _log(error: Exception) -> None:
    """Where it happened, but not the message, which may name a file and so a blob."""
    where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    structlog.get_logger("aparte.blobs").error("blob request failed", kind=type(error).__name__, where=where)
