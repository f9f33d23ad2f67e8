"""What an operator configures: a TOML file, and the command line on top of it. Unknown words are errors."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from aparte.server.accounts import SignUpPolicy
from aparte.server.blobs import DEFAULT_LIMITS, Limits
from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.server.shell.acme.settings import AcmeSettings, is_contact, is_directory
from aparte.server.shell.disk import DiskFloors
from aparte.server.shell.issuers import NOBODY, IssuerPolicy
from aparte.server.shell.listening import EVERYWHERE, spelled
from aparte.server.shell.pacing import FRAMES, NEW_LINKS
from aparte.server.shell.well_known import is_public_name
from aparte.server.tickets import FOREIGN_TICKETS

__all__ = ["WORDS", "BadConfig", "HostConfig", "read_config", "require_sense", "split_address"]

_MIB: Final = 1 << 20
_DAY: Final = 86_400_000
_HTTPS: Final = 443


class BadConfig(Exception):
    """What was configured cannot be meant."""


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What `aparte serve` was asked for."""

    data: Path = Path("aparte-data")
    address: str = "127.0.0.1"
    port: int = 8440
    #: The host's name, if it was given one.
    named: str = ""
    certificate: tuple[Path, Path] | None = None
    #: None: certificates do not come from a CA by themselves.
    acme: AcmeSettings | None = None
    behind_proxy: bool = False
    #: None: open for this machine alone, by invitation where others can come in.
    sign_up: SignUpPolicy | None = None
    logs: LogPolicy = LogPolicy()  # noqa: RUF009 - frozen
    blobs: Limits = DEFAULT_LIMITS
    frames: Pace = FRAMES
    links: Pace = NEW_LINKS
    #: Hosts whose tickets are taken besides this one's; None: all, but nobody's where only this machine can come in.
    tickets_from: IssuerPolicy | None = None
    tickets_of_an_issuer: Pace = FOREIGN_TICKETS
    disk: DiskFloors = DiskFloors()  # noqa: RUF009 - frozen
    #: Where figures are served to whoever watches the host; None: nowhere.
    metrics: tuple[str, int] | None = None
    metrics_for_others: bool = False
    #: The folder of the built web app; None: the one in the package, if it was built with one.
    web_app: Path | None = None

    @property
    def domain(self) -> str:
        """The host's name, as in alice@NAME: what clients dial. Without one it is this machine's, with the port."""
        if self.named or self.port in {0, _HTTPS}:
            return self.named or "localhost"
        return f"localhost:{self.port}"

    @property
    def is_private(self) -> bool:
        """Whether nobody but this machine can come in."""
        return not self.behind_proxy and self.acme is None and _is_loopback(self.address)

    @property
    def has_tls(self) -> bool:
        """Whether it is the host itself that encrypts."""
        return self.certificate is not None or self.acme is not None

    @property
    def sign_up_policy(self) -> SignUpPolicy:
        """Who may make an account."""
        if self.sign_up is not None:
            return self.sign_up
        return SignUpPolicy.OPEN if self.is_private else SignUpPolicy.INVITE

    @property
    def issuer_policy(self) -> IssuerPolicy:
        """Whose tickets are taken besides the host's own."""
        found = self.tickets_from or (NOBODY if self.is_private else IssuerPolicy())
        return replace(found, pace=self.tickets_of_an_issuer)


def split_address(text: str) -> tuple[str, int]:
    """`ADDR:PORT`, `[V6]:PORT` or `:PORT`, for every address (`EVERYWHERE`). Raises `BadConfig`."""
    address, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535 or (":" in address and not address.startswith("[")):
        raise BadConfig(f"{text!r} is not ADDR:PORT")
    return address.strip("[]") or EVERYWHERE, int(port)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def require_sense(config: HostConfig) -> None:
    """Raises `BadConfig` if words that are good alone make no sense together."""
    if not config.disk.in_order():
        raise BadConfig("disk: blobs give way before newcomers, and posts last: none may be below the next")
    if config.acme is not None and (config.certificate is not None or config.behind_proxy):
        raise BadConfig("acme: the host gets its certificate itself, so it has none from files and no proxy before it")
    if config.metrics is not None and not config.metrics_for_others and not _is_loopback(config.metrics[0]):
        raise BadConfig(
            f"metrics: {spelled(config.metrics)} is not this machine's alone. They are served without TLS or password; "
            "metrics_for_others = true says that something else keeps strangers out"
        )


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
    try:
        require_sense(config)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from error
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


def _acme(config: HostConfig, value: object) -> HostConfig:
    words = _words(value)
    for word in words:
        if word not in _ACME:
            raise KeyError(word)
    if not _yes_or_no(words.get("accept_terms", False)):
        raise BadConfig("accept_terms = true says that you agree to the CA's terms of service: there is no other way")
    settings = AcmeSettings()
    if "directory" in words:
        settings = replace(settings, directory=_text(words["directory"]))
    if not is_directory(settings.directory):
        raise BadConfig(f"directory: {settings.directory!r} is not the https address of an ACME directory")
    if "contact" in words:
        settings = replace(settings, contact=_text(words["contact"]))
    if settings.contact is not None and not is_contact(settings.contact):
        raise BadConfig(f'contact: {settings.contact!r} is not of the form "mailto:you@example.org"')
    if "http" in words:
        settings = replace(settings, http=split_address(_text(words["http"])))
    return replace(config, acme=settings)


def _limits(config: HostConfig, value: object) -> HostConfig:
    for word, number in _words(value).items():
        if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
            raise BadConfig(f"{word} = {number!r} is not a whole number above 0")
        config = _LIMITS[word](config, number)
    return config


def _federation(config: HostConfig, value: object) -> HostConfig:
    words = dict(_words(value))
    hosts = words.pop("tickets_from", None)
    if hosts is not None:
        config = replace(config, tickets_from=_issuers(hosts))
    number = words.pop("tickets_per_day_of_a_host", None)
    if number is not None:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= _DAY:
            raise BadConfig(f"tickets_per_day_of_a_host = {number!r} is not a whole number above 0")
        pace = Pace(interval=_DAY / number, burst=-(-number // 2))
        config = replace(config, tickets_of_an_issuer=pace)
    for word in words:
        raise KeyError(word)
    return config


def _issuers(value: object) -> IssuerPolicy:
    if value == "anyone":
        return IssuerPolicy()
    if value == "nobody":
        return NOBODY
    if not isinstance(value, list):
        raise BadConfig(f'tickets_from is "anyone", "nobody" or a list of hosts, not {value!r}')
    for name in value:
        if not is_public_name(_text(name)):
            raise BadConfig(f"{name!r} is not a host that this one could reach, as in alice@NAME")
    return IssuerPolicy(frozenset(value))


def _disk(config: HostConfig, value: object) -> HostConfig:
    floors = config.disk
    for word, number in _words(value).items():
        most = _FLOORS[word]
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
            raise BadConfig(f"{word} = {number!r} is not a whole number from 0 to {most}")
        level, _, measure = word.rpartition("_")
        floors = replace(floors, **{level: replace(getattr(floors, level), **{measure: number})})
    return replace(config, disk=floors)


def _metrics(config: HostConfig, value: object) -> HostConfig:
    return replace(config, metrics=split_address(_text(value)))


def _posts(config: HostConfig, number: int) -> HostConfig:
    posts = Pace.per_second(number, burst=6 * number)
    return replace(config, logs=replace(config.logs, posts=posts))


def _kibibytes(config: HostConfig, number: int) -> HostConfig:
    kibibytes = Pace.per_second(number, burst=config.logs.kibibytes.burst)
    return replace(config, logs=replace(config.logs, kibibytes=kibibytes))


_ACME: Final = ("accept_terms", "contact", "directory", "http")

_LIMITS: Final[dict[str, Callable[[HostConfig, int], HostConfig]]] = {
    "posts_per_second_of_a_log": _posts,
    "kib_per_second_of_a_log": _kibibytes,
    "frames_per_second_of_an_address": lambda config, n: replace(config, frames=Pace.per_second(n, burst=2 * n)),
    "links_per_second_of_an_address": lambda config, n: replace(config, links=Pace.per_second(n, burst=5 * n)),
    "blob_mib": lambda config, n: replace(config, blobs=replace(config.blobs, blob_bytes=n * _MIB)),
}

#: The words of `[disk]`, and the most that each may say.
_FLOORS: Final = {
    f"{level}_{measure}": most
    for level in ("blobs", "newcomers", "posts")
    for measure, most in (("mib", 1 << 30), ("percent", 99))
}

_SETTERS: Final[dict[str, Callable[[HostConfig, Any], HostConfig]]] = {
    "data": lambda config, value: replace(config, data=Path(_text(value))),
    "listen": _listen,
    "domain": lambda config, value: replace(config, named=_text(value)),
    "behind_proxy": lambda config, value: replace(config, behind_proxy=_yes_or_no(value)),
    "sign_up": lambda config, value: replace(config, sign_up=SignUpPolicy(_text(value))),
    "tls": _tls,
    "acme": _acme,
    "limits": _limits,
    "disk": _disk,
    "federation": _federation,
    "metrics": _metrics,
    "metrics_for_others": lambda config, value: replace(config, metrics_for_others=_yes_or_no(value)),
    "web_app": lambda config, value: replace(config, web_app=Path(_text(value))),
}

#: Every word that a file may have, by its table; "" stands for the words outside of tables.
WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "": tuple(word for word in _SETTERS if word not in {"tls", "acme", "limits", "disk", "federation"}),
        "tls": ("cert", "key"),
        "acme": _ACME,
        "limits": tuple(_LIMITS),
        "disk": tuple(_FLOORS),
        "federation": ("tickets_from", "tickets_per_day_of_a_host"),
    }
)
