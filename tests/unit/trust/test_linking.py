"""Linking a device: the exchange as it goes well, and one refusal for every rule and every known attack."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from aparte.crypto import Signer
from aparte.trust import (
    Answer,
    CallerError,
    Grant,
    Hello,
    LinkCode,
    LinkingRule,
    LinkMessage,
    Offer,
    check_answer,
    check_digits,
    check_grant,
    check_hello,
    check_listed,
    check_offer,
    link_digits,
    make_answer,
    make_grant,
    make_hello,
    make_offer,
    normalize_host,
    open_grant,
    read_link_code,
    rendezvous_of,
    seal_grant,
    transcript_of,
)
from aparte.wire.limits import MAX_BODY
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
)
from tests.unit.trust.pairing import (
    ANSWER,
    CODE,
    HELLO,
    HOST,
    INBOX,
    OFFER,
    PAGE,
    THIEFS_INBOX,
    TRANSCRIPT,
    TYPED,
    drawing,
    greet,
    manifests,
    nines,
    refusal,
)


def test_the_page_tells_the_exchange() -> None:
    told = dict(
        re.findall(
            r"^    (offer|log_id|epoch key|body|hello hash|answer|transcript|digits) +(\S+)$", PAGE, re.MULTILINE
        )
    )
    meeting = rendezvous_of(CODE, SUITE)
    assert told == {
        "offer": OFFER.encode().hex(),
        "log_id": meeting.log_id.hex(),
        "epoch key": meeting.epoch_key.public_key.hex(),
        "body": meeting.seal(LinkMessage.OFFER, OFFER.encode(), suite=SUITE, rng=nines).hex(),
        "hello hash": HELLO.hash().hex(),
        "answer": ANSWER.encode().hex(),
        "transcript": TRANSCRIPT.hex(),
        "digits": link_digits(TRANSCRIPT),
    }


@dataclass
class Log:
    """A rendezvous as the host keeps it."""

    code: LinkCode
    rng: Callable[[int], bytes]

    def __post_init__(self) -> None:
        self.bodies: list[bytes] = []

    def post(self, kind: LinkMessage, message: bytes) -> None:
        meeting = rendezvous_of(self.code, SUITE)
        self.bodies.append(meeting.seal(kind, message, suite=SUITE, rng=self.rng))

    def read(self, kind: LinkMessage, code: LinkCode) -> bytes:
        return rendezvous_of(code, SUITE).open(kind, self.bodies[-1], suite=SUITE)


def test_linking_as_it_goes_well() -> None:
    rng = drawing(3)
    offer = make_offer(ACCOUNT.account_id, PHONE, rng=rng)
    log = Log(offer.code(HOST), rng)
    log.post(LinkMessage.OFFER, offer.encode())

    typed = read_link_code(log.code.text(), TYPED)
    heard = Offer.decode(log.read(LinkMessage.OFFER, typed))
    check_offer(heard, typed)
    hello = make_hello(heard, LAPTOP, inbox_key=INBOX.public_key, title="Firefox", rng=rng)
    log.post(LinkMessage.HELLO, hello.encode())

    greeted = Hello.decode(log.read(LinkMessage.HELLO, log.code))
    check_hello(greeted, offer, suite=SUITE)
    log.post(LinkMessage.ANSWER, make_answer(greeted, PHONE, rng=rng).encode())

    answer = Answer.decode(log.read(LinkMessage.ANSWER, typed))
    check_answer(answer, hello, offer=heard, suite=SUITE)
    shown = link_digits(transcript_of(hello, answer))

    transcript = transcript_of(greeted, answer)
    check_digits(f" {shown[:3]}-{shown[3:]} ", transcript)
    content = Grant(transcript, ACCOUNT.genesis, (cert(PHONE, LAPTOP),), manifests()[-1].hash(), b"shared")
    log.post(LinkMessage.GRANT, seal_grant(make_grant(content, PHONE), greeted, suite=SUITE))

    transcript = transcript_of(hello, answer)
    grant = open_grant(log.read(LinkMessage.GRANT, typed), INBOX, transcript=transcript, suite=SUITE)
    assert check_grant(grant, LAPTOP, offer=heard, transcript=transcript, suite=SUITE) == ACCOUNT
    check_listed(manifests(), grant, hello=hello, offer=heard)
    assert grant.bundle == b"shared"


def test_every_code_has_its_own_log_and_keys() -> None:
    other_host = LinkCode(normalize_host("chat2.example.org"), CODE.secret)
    other_secret = make_offer(ACCOUNT.account_id, PHONE, rng=drawing(1)).code(HOST)
    meetings = [rendezvous_of(code, SUITE) for code in (CODE, other_host, other_secret)]
    assert len({meeting.log_id for meeting in meetings}) == 3
    assert len({meeting.epoch_key.public_key for meeting in meetings}) == 3
    keys = {key for meeting in meetings for key in meeting._keys.values()}
    assert len(keys | {meeting.epoch_key.private_key for meeting in meetings}) == 15


def test_an_entry_of_nobody_who_has_the_code() -> None:
    meeting, other = rendezvous_of(CODE, SUITE), rendezvous_of(LinkCode(HOST, bytes(16)), SUITE)
    body = meeting.seal(LinkMessage.HELLO, b"message", suite=SUITE, rng=nines)
    assert meeting.open(LinkMessage.HELLO, body, suite=SUITE) == b"message"
    for kind in set(LinkMessage) - {LinkMessage.HELLO}:
        refusal(LinkingRule.OPENS_NOT, lambda kind=kind: meeting.open(kind, body, suite=SUITE))  # type: ignore[misc]
    refusal(LinkingRule.OPENS_NOT, lambda: other.open(LinkMessage.HELLO, body, suite=SUITE))
    moved = replace(meeting, log_id=other.log_id)
    refusal(LinkingRule.OPENS_NOT, lambda: moved.open(LinkMessage.HELLO, body, suite=SUITE))
    for bad in (b"", body[:11], body[:20], body[:-1], body + b"\x00", bytes([body[0] ^ 1]) + body[1:]):
        refusal(LinkingRule.OPENS_NOT, lambda bad=bad: meeting.open(LinkMessage.HELLO, bad, suite=SUITE))  # type: ignore[misc]
    longest = meeting.seal(LinkMessage.GRANT, bytes(MAX_BODY - 28), suite=SUITE, rng=nines)
    assert meeting.open(LinkMessage.GRANT, longest, suite=SUITE) == bytes(MAX_BODY - 28)
    too_long = nines(12) + SUITE.seal(meeting._keys[LinkMessage.GRANT], nines(12), meeting.log_id, bytes(MAX_BODY - 27))
    refusal(LinkingRule.OPENS_NOT, lambda: meeting.open(LinkMessage.GRANT, too_long, suite=SUITE))
    with pytest.raises(CallerError):
        meeting.seal(LinkMessage.GRANT, bytes(MAX_BODY - 27), suite=SUITE, rng=nines)


@pytest.mark.parametrize(
    "offer",
    [
        replace(OFFER, account_id=account_of(8).account_id),
        replace(OFFER, device_key=THIEF.public_key),
        replace(OFFER, nonce=bytes(32)),
    ],
)
def test_an_offer_of_another_code(offer: Offer) -> None:
    check_offer(OFFER, CODE)
    refusal(LinkingRule.OFFER, lambda: check_offer(offer, CODE))


def resigned(hello: Hello, by: Signer, **fields: object) -> Hello:
    changed = replace(hello, **fields)  # type: ignore[arg-type]
    return replace(changed, signature=by.sign(changed.signed_content()))


@pytest.mark.parametrize(
    "hello",
    [
        greet(offer=make_offer(ACCOUNT.account_id, PHONE, rng=drawing(1))),
        greet(PHONE),
        replace(HELLO, signature=greet(TABLET).signature),
        replace(HELLO, device_key=THIEF.public_key),
        replace(HELLO, inbox_key=THIEFS_INBOX.public_key),
        replace(HELLO, title="Your phone"),
        replace(HELLO, nonce=bytes(32)),
        replace(HELLO, device_key=bytes(32)),
        resigned(HELLO, LAPTOP, inbox_key=b""),
        resigned(HELLO, LAPTOP, inbox_key=b"short"),
        replace(HELLO, signature=LAPTOP.sign(HELLO.signed_content()[1:])),
    ],
)
def test_a_hello_that_is_not_taken(hello: Hello) -> None:
    check_hello(HELLO, OFFER, suite=SUITE)
    refusal(LinkingRule.HELLO, lambda: check_hello(hello, OFFER, suite=SUITE))


def test_whoever_was_faster_leaves_the_owner_without_digits() -> None:
    """The thief has seen the code and greets first; the answer is his, and the owner's device shows nothing."""
    stolen = greet(THIEF, THIEFS_INBOX)
    check_hello(stolen, OFFER, suite=SUITE)
    answer = make_answer(stolen, PHONE, rng=nines)
    refusal(LinkingRule.ANSWER, lambda: check_answer(answer, HELLO, offer=OFFER, suite=SUITE))
    rewritten = replace(answer, hello_hash=HELLO.hash())
    refusal(LinkingRule.ANSWER, lambda: check_answer(rewritten, HELLO, offer=OFFER, suite=SUITE))


def test_nobody_answers_for_the_old_device() -> None:
    for answer in (make_answer(HELLO, THIEF, rng=nines), make_answer(HELLO, ROOT, rng=nines)):
        refusal(
            LinkingRule.ANSWER,
            lambda answer=answer: check_answer(answer, HELLO, offer=OFFER, suite=SUITE),  # type: ignore[misc]
        )
    refusal(LinkingRule.ANSWER, lambda: check_answer(replace(ANSWER, nonce=bytes(32)), HELLO, offer=OFFER, suite=SUITE))


def test_no_hello_can_be_searched_for_digits() -> None:
    """The answer's nonce comes after the hello, and the digits are new for each."""
    seen = {link_digits(transcript_of(HELLO, make_answer(HELLO, PHONE, rng=drawing(n)))) for n in range(50)}
    assert len(seen) >= 49


@pytest.mark.parametrize("change_one", ["title", "nonce", "device_key", "inbox_key", "offer_hash"])
def test_all_that_was_said_is_in_the_transcript(change_one: str) -> None:
    other: dict[str, object] = {"title": "x", "inbox_key": b"x"}
    changed = replace(HELLO, **{change_one: other.get(change_one, bytes(32))})  # type: ignore[arg-type]
    assert transcript_of(changed, ANSWER) != TRANSCRIPT
    assert transcript_of(HELLO, replace(ANSWER, nonce=bytes(32))) != TRANSCRIPT


@pytest.mark.parametrize(
    "typed", ["", "88289", "8828980", "882899", "８８２８９８", "882898 882898", " " * 10_000, "x" * 10**7]
)
def test_digits_that_are_not_shown(typed: str) -> None:
    check_digits("882898", TRANSCRIPT)
    check_digits("882 898", TRANSCRIPT)
    refusal(LinkingRule.DIGITS, lambda: check_digits(typed, TRANSCRIPT))


def test_six_digits_also_when_they_begin_with_zeros() -> None:
    transcript = next(t for n in range(10_000) if link_digits(t := n.to_bytes(32)).startswith("00"))
    assert re.fullmatch("[0-9]{6}", link_digits(transcript))
    check_digits(link_digits(transcript), transcript)
    refusal(LinkingRule.DIGITS, lambda: check_digits(link_digits(transcript).lstrip("0"), transcript))
