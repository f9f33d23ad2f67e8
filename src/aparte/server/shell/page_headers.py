"""What every page of the host's carries: what it may load, whom it may talk to, and that nobody may frame it."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

__all__ = ["app_headers", "page_headers", "plain_headers"]

_CLOSED: Final = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
#: A development host talks to others on the same machine, without TLS.
_LOOPBACK: Final = " http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*"
_EVERYWHERE: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), browsing-topics=(), geolocation=(), gyroscope=(), magnetometer=(), midi=(), payment=(), "
        "serial=(), usb=(), camera=(self), display-capture=(self), microphone=(self)"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def app_headers(*, is_private: bool) -> dict[str, str]:
    """For every file of the web app: a worker's policy is its own script's, not the page's.

    The engine is WebAssembly, and talks to every host of its user's conversations.
    """
    policy = (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; "
        f"connect-src 'self' https: wss:{_LOOPBACK if is_private else ''}; {_CLOSED}"
    )
    return _EVERYWHERE | {"Content-Security-Policy": policy}


def page_headers(style: str) -> dict[str, str]:
    """For a page that loads nothing, and has this style element and no script."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _EVERYWHERE | {"Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; {_CLOSED}"}


def plain_headers() -> dict[str, str]:
    """For a line of text."""
    return _EVERYWHERE | {"Content-Security-Policy": f"default-src 'none'; {_CLOSED}"}
