"""One linking of the household: the phone offers, the laptop greets. Keys and nonces are fixed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from aparte.crypto import KemPrivateKey, Signer
from aparte.trust import (
    AcceptedManifest,
    CodeSource,
    Device,
    DeviceCert,
    Grant,
    Hello,
    LinkingRefused,
    LinkingRule,
    Offer,
    make_answer,
    make_grant,
    make_hello,
    make_offer,
    normalize_host,
    transcript_of,
)
from tests.unit.trust.household import (
    ACCOUNT,
    LAPTOP,
    PHONE,
    SUITE,
    cert,
    change,
    following,
    judge,
    start,
)

HOST = normalize_host("chat.example.org")
INBOX = SUITE.derive_kem_key(bytes(32))
THIEFS_INBOX = SUITE.derive_kem_key(bytes([1]) * 32)
PAGE = (Path(__file__).resolve().parents[3] / "docs/protocol/linking.md").read_text()
TYPED, SCANNED = CodeSource.TYPED, CodeSource.SCANNED


def nines(length: int) -> bytes:
    return bytes([9]) * length


def drawing(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


OFFER = make_offer(ACCOUNT.account_id, PHONE, rng=nines)
CODE = OFFER.code(HOST)


def greet(device: Signer = LAPTOP, inbox: KemPrivateKey = INBOX, offer: Offer = OFFER, title: str = "Laptop") -> Hello:
    return make_hello(offer, device, inbox_key=inbox.public_key, title=title, rng=nines)


HELLO = greet(title="Firefox on Linux")
ANSWER = make_answer(HELLO, PHONE, rng=nines)
TRANSCRIPT = transcript_of(HELLO, ANSWER)


def manifests() -> list[AcceptedManifest]:
    """What the host shows after the phone has linked the laptop."""
    first = start()
    content = following(first)
    devices = (*content.devices, Device(LAPTOP.public_key, INBOX.public_key))
    return [first, judge(first, change(content, PHONE, devices=devices))]


def grant_of(*path: DeviceCert, by: Signer = PHONE, bundle: bytes = b"what devices share") -> Grant:
    content = Grant(TRANSCRIPT, ACCOUNT.genesis, path or (cert(PHONE, LAPTOP),), manifests()[-1].hash(), bundle)
    return make_grant(content, by)


def refusal(rule: LinkingRule, act: Callable[[], object]) -> None:
    with pytest.raises(LinkingRefused) as refused:
        act()
    assert refused.value.rule is rule
