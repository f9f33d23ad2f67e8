"""Mentions: links in Markdown whose target is an account's URI. What they show is a hint, never whom they mean."""

from __future__ import annotations

import re
from typing import Final

from aparte.content.message_id import account_of, account_uri
from aparte.wire.ids import AccountId

__all__ = ["mention", "mentioned"]

_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")
#: `](aparte:a/…)` and `<aparte:a/…>`.
_LINK: Final = re.compile(r"\]\((aparte:a/[0-9a-f]+)\)|<(aparte:a/[0-9a-f]+)>")


def mention(account_id: AccountId, shown: str) -> str:
    """A piece of Markdown that mentions an account, and asks for it to be shown as `@shown`."""
    escaped = _PUNCTUATION.sub(r"\\\1", " ".join(shown.split()))
    return f"[@{escaped}]({account_uri(account_id)})"


def mentioned(markdown: str) -> tuple[AccountId, ...]:
    """The accounts that a text mentions, each once, in their order. Whether they are members, the caller knows."""
    uris = [link[1] or link[2] for link in _LINK.finditer(markdown)]
    accounts = [account for uri in uris if (account := account_of(uri)) is not None]
    return tuple(dict.fromkeys(accounts))
