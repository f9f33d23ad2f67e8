"""MLSMessage (RFC 9420 §6): the outermost envelope of everything that MLS sends."""

from __future__ import annotations

from aparte.codec import DecodeError, Reader, encode_u16
from aparte.mls.capabilities import MLS10
from aparte.mls.errors import require
from aparte.mls.framing import WireFormat
from aparte.mls.group_info import GroupInfo
from aparte.mls.key_package import KeyPackage
from aparte.mls.private_message import PrivateMessage
from aparte.mls.public_message import PublicMessage
from aparte.mls.welcome import Welcome

__all__ = ["MlsMessage", "decode_message", "encode_message"]

MlsMessage = PublicMessage | PrivateMessage | Welcome | GroupInfo | KeyPackage

_READERS = {
    WireFormat.PUBLIC_MESSAGE: PublicMessage.read,
    WireFormat.PRIVATE_MESSAGE: PrivateMessage.read,
    WireFormat.WELCOME: Welcome.read,
    WireFormat.GROUP_INFO: GroupInfo.read,
    WireFormat.KEY_PACKAGE: KeyPackage.read,
}
_WIRE_FORMATS: dict[type, WireFormat] = {
    PublicMessage: WireFormat.PUBLIC_MESSAGE,
    PrivateMessage: WireFormat.PRIVATE_MESSAGE,
    Welcome: WireFormat.WELCOME,
    GroupInfo: WireFormat.GROUP_INFO,
    KeyPackage: WireFormat.KEY_PACKAGE,
}


def decode_message(data: bytes) -> MlsMessage:
    """Raises `DecodeError`, or `PeerError` 10.5 for a key package of another version than its envelope."""
    reader = Reader(data)
    version, code = divmod(reader.u32(), 0x10000)
    if version != MLS10:
        raise DecodeError(f"protocol version {version} is not mls10")
    read = _READERS.get(code)  # type: ignore[call-overload]
    if read is None:
        raise DecodeError(f"unknown wire format {code}", 2)
    message: MlsMessage = read(reader)
    reader.finish()
    if isinstance(message, KeyPackage):
        require(message.version == version, "10.5", "the key package's version is not its envelope's")
    return message


def encode_message(message: MlsMessage) -> bytes:
    return encode_u16(MLS10) + encode_u16(_WIRE_FORMATS[type(message)]) + message.encode()
