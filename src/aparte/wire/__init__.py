"""Frames between client and host, their identifiers, limits and error codes. Encodings only: no I/O, no keys.

What travels is read and written by `encode_frame` and `decode_frame`. The frames stand in modules by subject:
`link_frames` for every link, `log_frames` and `account_frames`; `links` says which link takes which.
"""

from aparte.wire import account_frames, limits, link_frames, log_frames
from aparte.wire.codes import ErrorCode
from aparte.wire.frames import FRAMES, UnknownFrame, decode_frame, encode_frame, frame_type
from aparte.wire.layout import encode, layout_of
from aparte.wire.links import ANONYMOUS_FRAMES, IDENTITY_FRAMES, AnonymousFrame, IdentityFrame

__all__ = [
    "ANONYMOUS_FRAMES",
    "FRAMES",
    "IDENTITY_FRAMES",
    "AnonymousFrame",
    "ErrorCode",
    "IdentityFrame",
    "UnknownFrame",
    "account_frames",
    "decode_frame",
    "encode",
    "encode_frame",
    "frame_type",
    "layout_of",
    "limits",
    "link_frames",
    "log_frames",
]
