"""Every rule by which a content is refused, with its number in docs/protocol/content.md."""

from __future__ import annotations

from aparte.trust import Rule

__all__ = ["CborRule", "ContentRule"]


class CborRule(Rule):
    """What makes bytes one deterministic data item (RFC 8949 §4.2.1) of ours."""

    TOO_LONG = "cbor.1", "it is too long"
    TOO_MANY = "cbor.2", "it has too many data items"
    TOO_DEEP = "cbor.3", "arrays and maps are nested too deeply"
    INDEFINITE = "cbor.4", "a length is indefinite"
    RESERVED = "cbor.5", "a first byte is one that RFC 8949 reserves"
    NOT_SHORTEST = "cbor.6", "a number, or a length, is not in its shortest form"
    TAG = "cbor.7", "there is a tag"
    SIMPLE = "cbor.8", "there is a simple value other than false, true and null"
    NAN = "cbor.9", "there is a NaN"
    UTF_8 = "cbor.10", "a text is not UTF-8"
    KEY = "cbor.11", "a map's key is neither a text, nor bytes, nor an integer of 53 bits"
    KEY_ORDER = "cbor.12", "a map's keys do not ascend"
    KEY_TWICE = "cbor.13", "a map has a key twice"


class ContentRule(Rule):
    """What makes a data item a content."""

    SHAPE = "content.1", "a structure has other fields than it should"
    TYPE = "content.2", "a field is of another type than it should be"
    NUMBER = "content.3", "a number is out of its range"
    TOO_LONG = "content.4", "a text, or bytes, are too long"
    SALT = "content.5", "the salt has not 16 bytes"
    MESSAGE_ID = "content.6", "a message id has not 32 bytes, the first being 1 for SHA-256"
    EXPIRES = "content.7", "it is to be shown for more than a year"
    EXTENSION_KEY = "content.8", "an extension's key is neither an integer but 0, nor a text of 1 to 255 bytes"
    EXTENSIONS = "content.9", "there are too many extensions"
    EXTENSION_VALUE = "content.10", "an extension's value is too long"
    EXTENSION_DEPTH = "content.11", "an extension's value is nested too deeply"
    NESTING = "content.12", "parts are nested too deeply"
    PARTS = "content.13", "there are too many parts"
    FEW_PARTS = "content.14", "a MultiPart has fewer than two parts"
    CARDINALITY = "content.15", "a part is of no known cardinality"
    SEMANTICS = "content.16", "a MultiPart has no known semantics"
    ORIGIN = "content.17", "it says that it comes from another sender or conversation"
    EMPTY = "content.18", "it is empty, and takes nothing back"
    TEXT = "content.19", "a text part is not UTF-8"
    REACTION = "content.20", "a reaction is empty or too long, or there are too many"
    REPORT = "content.21", "a report is no CBOR, empty or too long"
    MEDIA = "content.22", "what is said of a file is no CBOR"
    REFERS_TO_BOTH = "content.23", "it replaces the very message that it answers"
