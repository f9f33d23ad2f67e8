"""The end of linking, and the bytes of all that is said: grants that are refused, structures that do not decode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aparte.codec import DecodeError, EncodeError, encode_vector
from aparte.crypto import Signer
from aparte.trust import (
    MAX_BUNDLE,
    Answer,
    DeviceCert,
    Grant,
    Hello,
    LinkingRefused,
    LinkingRule,
    LinkMessage,
    Offer,
    UnknownVersion,
    check_grant,
    check_listed,
    create_genesis,
    issue_device_cert,
    make_grant,
    make_offer,
    open_grant,
    rendezvous_of,
    seal_grant,
)
from aparte.wire.ids import Millis
from aparte.wire.limits import MAX_BODY
from tests.properties.mutations import bent
from tests.unit.trust.household import (
    ACCOUNT,
    LAPTOP,
    PHONE,
    ROOT,
    SUITE,
    TABLET,
    THIEF,
    account_of,
    cert,
    change,
    following,
    judge,
)
from tests.unit.trust.pairing import (
    ANSWER,
    CODE,
    HELLO,
    INBOX,
    OFFER,
    THIEFS_INBOX,
    TRANSCRIPT,
    grant_of,
    greet,
    manifests,
    nines,
    refusal,
)


def check(grant: Grant, device: Signer = LAPTOP, offer: Offer = OFFER) -> None:
    check_grant(grant, device, offer=offer, transcript=TRANSCRIPT, suite=SUITE)


def test_a_grant_goes_to_one_device_in_one_exchange() -> None:
    sealed = seal_grant(grant_of(), HELLO, suite=SUITE)
    assert open_grant(sealed, INBOX, transcript=TRANSCRIPT, suite=SUITE) == grant_of()
    for key, transcript in ((THIEFS_INBOX, TRANSCRIPT), (INBOX, bytes(32))):
        refusal(
            LinkingRule.GRANT,
            lambda key=key, transcript=transcript: open_grant(sealed, key, transcript=transcript, suite=SUITE),  # type: ignore[misc]
        )
    for bad in (b"", sealed[:-1] + b"\x00", encode_vector(b"short") + encode_vector(b"x" * 40), sealed + b"\x00"):
        with pytest.raises((LinkingRefused, DecodeError)):
            open_grant(bad, INBOX, transcript=TRANSCRIPT, suite=SUITE)


def test_a_grant_that_somebody_else_has_signed_or_changed() -> None:
    check(grant_of())
    other = Grant(bytes(32), ACCOUNT.genesis, (cert(PHONE, LAPTOP),), bytes(32), b"")
    refusal(LinkingRule.GRANT, lambda: check(make_grant(other, PHONE)))
    refusal(LinkingRule.GRANT, lambda: check(grant_of(by=THIEF)))
    refusal(LinkingRule.GRANT, lambda: check(replace(grant_of(), bundle=b"theirs")))
    refusal(LinkingRule.GRANT, lambda: check(replace(grant_of(), manifest_hash=bytes(32))))


def test_a_grant_into_an_account_that_was_not_offered() -> None:
    elsewhere = replace(grant_of(), genesis=account_of(8).genesis)
    refusal(LinkingRule.ACCOUNT, lambda: check(make_grant(elsewhere, PHONE)))
    other = create_genesis(TABLET, PHONE, nonce=bytes(32))
    path = (issue_device_cert(PHONE, account=other, device_key=LAPTOP.public_key, issued_at=Millis(0)),)
    whole = make_grant(replace(grant_of(), genesis=other.genesis, path=path), PHONE)
    check(whole, offer=replace(OFFER, account_id=other.account_id))
    refusal(LinkingRule.ACCOUNT, lambda: check(whole))


def test_a_grant_by_a_device_that_only_says_it_is_the_accounts() -> None:
    """The thief offers an account that is not his: his own signature is good, but root has never heard of him."""
    offer = make_offer(ACCOUNT.account_id, THIEF, rng=nines)
    refusal(LinkingRule.ACCOUNT, lambda: check(grant_of(cert(THIEF, LAPTOP), by=THIEF), offer=offer))
    check(grant_of(cert(PHONE, THIEF), cert(THIEF, LAPTOP), by=THIEF), offer=offer)  # one of the account's after all


@pytest.mark.parametrize("path", [(cert(PHONE, TABLET),), (cert(PHONE, LAPTOP), cert(LAPTOP, TABLET))])
def test_a_path_that_does_not_end_with_this_device(path: tuple[DeviceCert, ...]) -> None:
    refusal(LinkingRule.ACCOUNT, lambda: check(grant_of(*path)))


def test_the_manifests_list_both() -> None:
    check_listed(manifests(), grant_of(), hello=HELLO, offer=OFFER)
    first, second = manifests()
    without_phone = judge(second, change(following(second, revoke=(PHONE,)), LAPTOP))
    taken_back = judge(second, change(following(second, revoke=(LAPTOP,)), PHONE))
    other_inbox = judge(first, change(following(first, add=(LAPTOP,)), PHONE))
    branch = judge(first, change(replace(second.content), ROOT))
    assert branch.content == second.content
    for followed in ([], [first], [first, second, without_phone], [first, second, taken_back], [first, branch]):
        refusal(
            LinkingRule.NOT_LISTED,
            lambda followed=followed: check_listed(followed, grant_of(), hello=HELLO, offer=OFFER),  # type: ignore[misc]
        )
    named = make_grant(replace(grant_of(), manifest_hash=other_inbox.hash()), PHONE)
    refusal(LinkingRule.NOT_LISTED, lambda: check_listed([first, other_inbox], named, hello=HELLO, offer=OFFER))


STRUCTURES: dict[str, Offer | Hello | Answer | Grant] = {
    "Offer": OFFER,
    "Hello": HELLO,
    "Answer": ANSWER,
    "Grant": grant_of(),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_there_and_back(name: str) -> None:
    value = STRUCTURES[name]
    data = value.encode()
    assert type(value).decode(data) == value
    for bad in (data + b"\x00", data[:-1], b""):
        with pytest.raises(DecodeError):
            type(value).decode(bad)
    for version in (0, 2):
        with pytest.raises(UnknownVersion):
            type(value).decode(bytes([version]) + data[1:])


@settings(max_examples=300)
@given(st.data())
def test_bent_bytes(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(STRUCTURES)))
    bases = [STRUCTURES[name].encode()]
    found = data.draw(bent(bases, [value.encode() for value in STRUCTURES.values()]))
    try:
        value = type(STRUCTURES[name]).decode(found)
    except DecodeError:
        return
    assert value.encode() == found


@pytest.mark.parametrize(
    "title", ["two\nlines", "\u202eturned", "zero\u200bwidth", "wide\u3000space", "x" * 65, "é" * 33]
)
def test_titles_that_are_not_one_short_line(title: str) -> None:
    with pytest.raises(EncodeError):
        greet(title=title)
    good = greet(title="T")
    data = good.encode().replace(encode_vector(b"T"), encode_vector(title.encode()), 1)
    with pytest.raises(DecodeError):
        Hello.decode(data)


def test_titles_of_the_world() -> None:
    for title in ("", "Алисин телефон", "Zoë’s 電話 📱", "x" * 64):
        assert Hello.decode(greet(title=title).encode()).title == title


@pytest.mark.parametrize(
    "write",
    [
        lambda: replace(OFFER, nonce=b"short").encode(),
        lambda: replace(HELLO, inbox_key=bytes(2049)).encode(),
        lambda: replace(ANSWER, nonce=b"").encode(),
        lambda: grant_of(*[cert(PHONE, LAPTOP)] * 9),
        lambda: grant_of(bundle=bytes(MAX_BUNDLE + 1)),
    ],
)
def test_what_cannot_be_written(write: Callable[[], object]) -> None:
    with pytest.raises(EncodeError):
        write()


def test_a_grant_of_nine_certificates() -> None:
    nine = encode_vector(b"".join([cert(PHONE, LAPTOP).encode()] * 9))
    eight = encode_vector(b"".join([cert(PHONE, LAPTOP).encode()] * 8))
    whole = grant_of(*[cert(PHONE, LAPTOP)] * 8).encode()
    assert Grant.decode(whole).encode() == whole
    with pytest.raises(DecodeError, match="more than 8"):
        Grant.decode(whole.replace(eight, nine))


def test_the_largest_grant_fits_an_entry() -> None:
    grant = grant_of(*[cert(PHONE, LAPTOP)] * 8, bundle=bytes(MAX_BUNDLE))
    sealed = seal_grant(grant, HELLO, suite=SUITE)
    body = rendezvous_of(CODE, SUITE).seal(LinkMessage.GRANT, sealed, suite=SUITE, rng=nines)
    assert len(body) < MAX_BODY
    assert grant.bundle.hex() not in repr(grant)
