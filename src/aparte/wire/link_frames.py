"""Frames of every link: the greeting, and the answers that fit any request."""

from __future__ import annotations

from typing import Annotated, Final

from aparte.wire import fields as f
from aparte.wire.frames import frame
from aparte.wire.layout import U8, U16, Text
from aparte.wire.limits import MAX_DETAIL, MAX_HOST_NAME

__all__ = ["PROTOCOL_VERSION", "Done", "Greeting", "Problem"]

PROTOCOL_VERSION: Final = 1


@frame(0x80)
class Greeting:
    """The host's first frame on a link. Proofs made on this link sign `host` and `nonce`.

    `incarnation` changes when the host was restored from an older state: what a client knows of its logs may then be
    ahead of what the host knows. `now` is the host's clock.
    """

    version: Annotated[int, U8]
    host: Annotated[str, Text(MAX_HOST_NAME)]
    nonce: f.HostNonce
    incarnation: f.Incarnation
    now: f.Millis


@frame(0x81)
class Done:
    """The request was carried out, durably where it changes anything, and there is nothing else to say."""

    request: f.Request


@frame(0x82)
class Problem:
    """The request was not carried out and changed nothing. `code` is an `ErrorCode`.

    `wait` is 0 unless trying again after so many milliseconds is of use. `detail` is for people who read logs.
    """

    request: f.Request
    code: Annotated[int, U16]
    wait: f.Wait
    detail: Annotated[str, Text(MAX_DETAIL)]
