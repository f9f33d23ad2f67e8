"""The limits fit together: what one of them allows does not run into another."""

from __future__ import annotations

from typing import Any

import pytest

from aparte.codec import DecodeError, EncodeError
from aparte.wire import account_frames as a
from aparte.wire import encode, encode_frame
from aparte.wire import log_frames as log
from aparte.wire.entries import Entry, EntryForm, Pass
from aparte.wire.ids import EntryKind
from aparte.wire.layout import layout_of
from aparte.wire.limits import (
    MAX_BODY,
    MAX_CAPABILITIES,
    MAX_COMMIT,
    MAX_ENTRIES_PAGE,
    MAX_FRAME,
    MAX_GENESIS,
    MAX_INBOX_ITEM,
    MAX_KEY_PACKAGES,
    MAX_MANIFEST,
    MAX_NAME,
    MAX_OPEN_ITEMS,
    MAX_PROOF,
)
from aparte.wire.link_frames import Greeting, Problem
from tools.frame_examples import example

PROOF = example(log.EpochProof)
PROVEN = example(log.OpenItem, pass_=None, proof=PROOF)
SHOWN = example(log.OpenItem)


def full(cls: type, **given: Any) -> int:
    """Bytes of the example with these fields instead."""
    return len(encode_frame(example(cls, **given)))


def test_a_frame_of_a_client_holds_512_openings() -> None:
    assert full(log.Open, items=(PROVEN,) * MAX_OPEN_ITEMS) <= MAX_FRAME
    assert full(log.Open, items=(SHOWN,) * MAX_OPEN_ITEMS) <= MAX_FRAME
    with pytest.raises(EncodeError):
        full(log.Open, items=(PROVEN,) * (MAX_OPEN_ITEMS + 1))


def test_a_frame_of_a_client_holds_40_key_packages() -> None:
    package = example(a.OwnKeyPackage, key_package=bytes(2_700))
    assert full(a.PutKeyPackages, packages=(package,) * MAX_KEY_PACKAGES) <= MAX_FRAME


def test_a_frame_of_a_client_holds_every_other_request_at_its_largest() -> None:
    assert full(log.Post, body=bytes(MAX_BODY)) <= MAX_FRAME
    assert full(a.PutManifest, manifest=bytes(MAX_MANIFEST)) <= MAX_FRAME
    assert full(a.Drop, proof=bytes(MAX_PROOF), item=bytes(MAX_INBOX_ITEM)) <= MAX_FRAME
    assert full(a.SetCapabilities, hashes=(example(a.CapabilityHash),) * MAX_CAPABILITIES) <= MAX_FRAME
    sign_up = {"name": "n" * MAX_NAME, "invite": "i" * MAX_NAME}
    assert full(a.SignUp, **sign_up, genesis=bytes(MAX_GENESIS), manifest=bytes(MAX_MANIFEST)) <= MAX_FRAME


def test_a_commit_that_is_large_goes_elsewhere() -> None:
    """One that fits a link is taken there; the largest needs HTTP, where a KiB beyond the body is for the rest."""
    commit = {"kind": EntryKind.COMMIT, "next_epoch_key": b"\x01" * 32}
    assert MAX_FRAME < full(log.Post, **commit, body=bytes(MAX_COMMIT)) <= MAX_COMMIT + 1024
    with pytest.raises(EncodeError):
        full(log.Post, **commit, body=bytes(MAX_COMMIT + 1))


def test_frames_of_the_host_are_bounded() -> None:
    """docs/protocol/README.md: 512 KiB on a link, and over HTTP a commit and a KiB."""
    on_link, over_http = 512 * 1024, MAX_COMMIT + 1024
    entry = example(Entry, body=bytes(MAX_BODY))
    assert full(log.Delivered, entry=entry) <= on_link
    page = (entry,) * (MAX_ENTRIES_PAGE // (MAX_BODY + 256))
    assert full(log.Entries, entries=page) <= on_link
    assert full(log.Entries, entries=(example(Entry, body=b""),) * 1024) <= on_link
    assert full(log.Opened, items=(example(log.OpenedItem),) * MAX_OPEN_ITEMS) <= on_link
    assert full(a.Found, genesis=bytes(MAX_GENESIS), manifest=bytes(MAX_MANIFEST)) <= on_link
    assert full(a.Proven, manifest=bytes(MAX_MANIFEST)) <= on_link
    package = example(a.DeviceKeyPackage, key_package=bytes(8 * 1024))
    assert full(a.KeyPackages, packages=(package,) * 32) <= on_link
    assert full(log.Fetched, entry=example(Entry, body=bytes(MAX_COMMIT))) <= over_http


def test_an_entry_without_a_body_is_small() -> None:
    """What a page counts for an entry besides its body is not less than it takes."""
    for form in (EntryForm.LARGE, EntryForm.PRUNED):
        assert len(encode(example(Entry, form=form, body=b""))) <= 256


def test_an_item_of_an_inbox_has_room_for_itself() -> None:
    assert len(encode(example(a.InboxItem, item=bytes(MAX_INBOX_ITEM)))) <= MAX_INBOX_ITEM + 64


# -- what the structures themselves forbid ----------------------------------------------------------------------------
@pytest.mark.parametrize("days", [0, 91, 255, -1])
def test_retention_is_1_to_90_days(days: int) -> None:
    with pytest.raises(ValueError, match="1 to 90"):
        example(log.Create, retention_days=days)


@pytest.mark.parametrize("days", [1, 90])
def test_retention_at_its_ends(days: int) -> None:
    assert example(log.Create, retention_days=days).retention_days == days


@pytest.mark.parametrize(("shown", "proof"), [(None, None), (example(Pass), PROOF)])
def test_a_node_is_opened_by_a_pass_or_by_a_proof(shown: Any, proof: Any) -> None:
    with pytest.raises(ValueError, match="by a pass or by a proof"):
        example(log.OpenItem, pass_=shown, proof=proof)


@pytest.mark.parametrize(
    ("kind", "key"),
    [(EntryKind.COMMIT, bytes(32)), (EntryKind.APP, b"\x01" * 32), (EntryKind.EPHEMERAL, bytes(31) + b"\x01")],
)
def test_a_commit_and_nothing_else_has_a_next_key(kind: EntryKind, key: bytes) -> None:
    with pytest.raises(ValueError, match="next epoch key"):
        example(log.Post, kind=kind, next_epoch_key=key)


def bent(value: Any, was: bytes, becomes: bytes) -> bytes:
    """The encoding with a piece of it replaced, which stands in it once."""
    data = encode(value)
    assert data.count(was) == 1
    return data.replace(was, becomes)


def test_what_is_forbidden_is_not_read_either() -> None:
    create = example(log.Create)
    key, idem = b"\xee" * 32, example(log.Post).idem
    commit = example(log.Post, kind=EntryKind.COMMIT, next_epoch_key=key)
    unread = {
        log.Create: bent(create, create.epoch_key + b"\x1e", create.epoch_key + b"\x5b"),
        log.OpenItem: bent(SHOWN, b"\x01" + encode(SHOWN.pass_) + b"\x00", b"\x00\x00"),
        log.Post: bent(commit, key, bytes(32)),
    }
    both = bent(SHOWN, encode(SHOWN.pass_) + b"\x00", encode(SHOWN.pass_) + b"\x01" + encode(PROOF))
    message = bent(commit, idem + b"\x02" + key, idem + b"\x01" + key)
    for cls, data in [*unread.items(), (log.OpenItem, both), (log.Post, message)]:
        with pytest.raises(DecodeError):
            layout_of(cls).decode(data)


def test_text_is_counted_in_bytes() -> None:
    assert full(a.TakeName, name="é" * 32)
    for frame in (example(a.TakeName, name="é" * 33), example(Problem, detail="é" * 101)):
        with pytest.raises(EncodeError):
            encode_frame(frame)
    with pytest.raises(EncodeError):
        encode_frame(example(Greeting, host="\ud800"))
