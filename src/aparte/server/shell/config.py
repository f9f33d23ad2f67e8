"""What an operator configures: a TOML file, and the command line on top of it. Unknown words are errors."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from aparte.server.accounts import SignUpPolicy
from aparte.server.blobs import DEFAULT_LIMITS, Limits
from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.server.shell.pacing import FRAMES

__all__ = ["BadConfig", "HostConfig", "read_config", "split_address"]

_MIB: Final = 1 << 20


class BadConfig(Exception):
    """What was configured cannot be meant."""


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What `aparte serve` was asked for."""

    data: Path = Path("aparte-data")
    address: str = "127.0.0.1"
    port: int = 8440
    domain: str = "localhost"
    certificate: tuple[Path, Path] | None = None
    behind_proxy: bool = False
    #: None: open for this machine alone, by invitation where others can come in.
    sign_up: SignUpPolicy | None = None
    logs: LogPolicy = LogPolicy()  # noqa: RUF009 - frozen
    blobs: Limits = DEFAULT_LIMITS
    frames: Pace = FRAMES

    @property
    def is_private(self) -> bool:
        """Whether nobody but this machine can come in."""
        try:
            return not self.behind_proxy and ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return not self.behind_proxy and self.address == "localhost"

    @property
    def sign_up_policy(self) -> SignUpPolicy:
        """Who may make an account."""
        if self.sign_up is not None:
            return self.sign_up
        return SignUpPolicy.OPEN if self.is_private else SignUpPolicy.INVITE


def split_address(text: str) -> tuple[str, int]:
    """`ADDR:PORT`, `[V6]:PORT` or `:PORT`, for all addresses. Raises `BadConfig`."""
    address, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535 or (":" in address and not address.startswith("[")):
        raise BadConfig(f"{text!r} is not ADDR:PORT")
    return address.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - asked for


def read_config(path: Path) -> HostConfig:
    """The configuration in a file (docs/how-to/host.md lists its words). Raises `BadConfig`."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfig(f"{path}: {error}") from error
    config = HostConfig()
    for word, value in found.items():
        try:
            config = _SETTERS[word](config, value)
        except KeyError as error:
            raise BadConfig(f"{path}: nothing is called {error}") from error
        except (TypeError, ValueError, BadConfig) as error:
            raise BadConfig(f"{path}: {word}: {error}") from error
    return config


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadConfig(f"{value!r} is not text")
    return value


def _words(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadConfig(f"{value!r} is not a table")
    return value


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadConfig(f"{value!r} is neither true nor false")
    return value


def _listen(config: HostConfig, value: object) -> HostConfig:
    address, port = split_address(_text(value))
    return replace(config, address=address, port=port)


def _tls(config: HostConfig, value: object) -> HostConfig:
    words = _words(value)
    if set(words) != {"cert", "key"}:
        raise BadConfig("cert and key belong together, and nothing else does")
    return replace(config, certificate=(Path(_text(words["cert"])), Path(_text(words["key"]))))


def _limits(config: HostConfig, value: object) -> HostConfig:
    for word, number in _words(value).items():
        if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
            raise BadConfig(f"{word} = {number!r} is not a whole number above 0")
        config = _LIMITS[word](config, number)
    return config


def _per_second(number: int) -> int:
    return max(1, 1000 // number)


def _posts(config: HostConfig, number: int) -> HostConfig:
    posts = Pace(interval=_per_second(number), burst=6 * number)
    return replace(config, logs=replace(config.logs, posts=posts))


def _kibibytes(config: HostConfig, number: int) -> HostConfig:
    kibibytes = replace(config.logs.kibibytes, interval=_per_second(number))
    return replace(config, logs=replace(config.logs, kibibytes=kibibytes))


_LIMITS: Final[dict[str, Callable[[HostConfig, int], HostConfig]]] = {
    "posts_per_second_of_a_log": _posts,
    "kib_per_second_of_a_log": _kibibytes,
    "frames_per_second_of_an_address": lambda config, n: replace(config, frames=Pace(_per_second(n), 2 * n)),
    "blob_mib": lambda config, n: replace(config, blobs=replace(config.blobs, blob_bytes=n * _MIB)),
}

_SETTERS: Final[dict[str, Callable[[HostConfig, Any], HostConfig]]] = {
    "data": lambda config, value: replace(config, data=Path(_text(value))),
    "listen": _listen,
    "domain": lambda config, value: replace(config, domain=_text(value)),
    "behind_proxy": lambda config, value: replace(config, behind_proxy=_yes_or_no(value)),
    "sign_up": lambda config, value: replace(config, sign_up=SignUpPolicy(_text(value))),
    "tls": _tls,
    "limits": _limits,
}
