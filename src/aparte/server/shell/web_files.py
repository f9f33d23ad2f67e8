"""The files of the web app, as they are when the host starts: nothing else is ever served, whatever a path says."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from aparte.server.shell.codings import IDENTITY, SUFFIXES

__all__ = ["Replaced", "Stored", "WebFile", "web_files"]

_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_OTHER: Final = "application/octet-stream"
#: No hidden files, and nothing that would have to be escaped in an address.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
#: The build puts a hash of the content into the names of all that is in `assets`.
_HASHED: Final = re.compile(r"assets/(?:.+/)?[^/]+[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+")


class Replaced(Exception):
    """The file is not the one that was there when the host started."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One form of a file: as it is, or compressed."""

    path: Path
    size: int
    #: A hash of these bytes.
    etag: str
    stamp: tuple[int, int, int]

    def open(self) -> BinaryIO:
        """Raises `Replaced`, or `OSError`."""
        file = os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        if _stamp(os.fstat(file.fileno())) != self.stamp:
            file.close()
            raise Replaced(self.path.name)
        return file


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file of the app, in every form that the build made."""

    kind: str
    #: Whether the name changes with the content, so that a browser need never ask again.
    is_hashed: bool
    forms: dict[str, Stored]


def web_files(folder: Path) -> dict[str, WebFile]:
    """By their paths below the folder. Links are passed over, wherever they lead, and so are names that are hidden."""
    stored = {name: _stored(path) for name, path in _walk(folder)}
    found: dict[str, WebFile] = {}
    for name, form in stored.items():
        suffix = PurePosixPath(name).suffix
        if suffix in SUFFIXES and name.removesuffix(suffix) in stored:
            continue
        forms = {coding: stored[name + end] for end, coding in SUFFIXES.items() if name + end in stored}
        is_hashed = _HASHED.fullmatch(name) is not None
        found[name] = WebFile(_KINDS.get(suffix, _OTHER), is_hashed, {**forms, IDENTITY: form})
    return found


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    root = folder.resolve()
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _NAME.fullmatch(name))
        for name in sorted(names):
            path = Path(place, name)
            if _NAME.fullmatch(name) and path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix(), path


def _stored(path: Path) -> Stored:
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, "sha256")
    return Stored(path, found.st_size, digest.hexdigest()[:32], _stamp(found))


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns
