"""What an operator says about ACME: which CA, how to reach the operator, where the CA may look."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aparte.server.shell.listening import EVERYWHERE

__all__ = ["LETS_ENCRYPT", "AcmeSettings", "is_contact", "is_directory"]

LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"
#: It becomes the name of a folder.
_MOST_DIRECTORY: Final = 120
_CONTACT: Final = re.compile(r"mailto:[^\s@,?<>\"']{1,100}@[^\s@,?<>\"']{1,150}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AcmeSettings:
    """Of a host whose operator agrees to the CA's terms of service."""

    directory: str = LETS_ENCRYPT
    contact: str | None = None
    #: Where HTTP-01 (RFC 8555 §8.3) is answered. The CA comes to port 80 of the host's name.
    http: tuple[str, int] = (EVERYWHERE, 80)


def is_directory(text: str) -> bool:
    """Whether this may be the URL of a directory: RFC 8555 §6.1 requires https."""
    if len(text) > _MOST_DIRECTORY or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        found = urlsplit(text)
        host = (found.hostname or "").strip(".")  # a folder of dots alone is another folder
        return found.scheme == "https" and bool(host) and found.port != 0 and found.username is None
    except ValueError:
        return False


def is_contact(text: str) -> bool:
    """One address, as `mailto:` (RFC 8555 §7.3)."""
    return _CONTACT.fullmatch(text) is not None
