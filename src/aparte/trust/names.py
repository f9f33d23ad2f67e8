"""Names of accounts: which there are, and when two are one. Exact match after normalisation, never a search.

The base is PRECIS UsernameCaseMapped (RFC 8265 §3.3): width and case mapped, NFC, Bidi Rule. The house is stricter,
because a rule can be loosened later and never tightened: no punctuation but . _ -, one script, no look-alikes.
Scripts are those that UAX #31 table 5 recommends. The first word of a character's Unicode name tells its script,
which the standard library does not.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby, pairwise
from typing import Final, NewType

from precis_i18n import get_profile

from aparte.trust.errors import NameRefused
from aparte.trust.rules import NameRule
from aparte.wire.limits import MAX_NAME

__all__ = ["Name", "normalize_name"]

#: A name in its normal form, without `@host`.
Name = NewType("Name", str)

_PROFILE: Final = get_profile("UsernameCaseMapped")
_MIN_NAME: Final = 2
_DIGITS: Final = frozenset("0123456789")
_PUNCTUATION: Final = frozenset("._-")

#: UTS #39 §5.4.
_MAX_MARKS_IN_A_ROW: Final = 4

_ONE_WORD_SCRIPTS: Final = (
    "ARABIC ARMENIAN BENGALI BOPOMOFO CYRILLIC DEVANAGARI ETHIOPIC GEORGIAN GREEK GUJARATI GURMUKHI HANGUL HEBREW"
    " HIRAGANA KANNADA KATAKANA KHMER LAO LATIN MALAYALAM MYANMAR ORIYA SINHALA TAMIL TELUGU THAANA THAI TIBETAN"
)

#: First word of a character's name → its script.
_SCRIPTS: Final = {word: word for word in _ONE_WORD_SCRIPTS.split()} | {
    "CJK": "HAN",
    "IDEOGRAPHIC": "HAN",
    "KATAKANA-HIRAGANA": "KATAKANA",
}

#: Scripts that are written together (UTS #39 §5.2, without its Latin).
_TOGETHER: Final = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)

#: Above U+017F Latin has phonetic letters and worse look-alikes; these are in the alphabets of living languages.
_LATIN_BELOW: Final = "\u0180"
_LATIN_BESIDES: Final = frozenset("əɓɖɗɛɣɔƒƙƴʋ")

#: Letters, accents aside, that pass for Latin ones. A name of nothing else is refused, as browsers do for domains.
_LOOK_LATIN: Final = {"CYRILLIC": frozenset("аеіјорсухѕһԁԛԝӏ"), "GREEK": frozenset("ινορυ")}

#: What hosts speak as, and mailboxes of RFC 2142.
_RESERVED_WORDS: Final = (
    "abuse account admin administrator all anonymous aparte everyone help hostmaster info legal mail mailer-daemon"
    " moderation moderator moderators no-reply nobody noc notifications null official operator operators owner police"
    " postmaster privacy report reports root safety security server service staff super-user support sysadmin system"
    " team trust undefined verified webmaster www"
)


def normalize_name(text: str, *, allow_reserved: bool = False) -> Name:
    """The name that was meant, in the only form in which names are kept and compared.

    Raises `NameRefused`. What it returns it returns unchanged the next time. Reserved names are allowed when one is
    looked up, and for the operator, whose own accounts may have them.
    """
    _require(len(text) <= MAX_NAME, NameRule.TOO_LONG)  # before work that grows with the length
    _require(bool(text), NameRule.TOO_SHORT)
    try:
        name = _PROFILE.enforce(text)
    except UnicodeEncodeError as error:
        raise NameRefused(NameRule.CHARACTER, error.reason.removeprefix("DISALLOWED/").replace("_", " ")) from None
    _require(len(name) >= _MIN_NAME, NameRule.TOO_SHORT)
    _require(len(name.encode()) <= MAX_NAME, NameRule.TOO_LONG)
    for char in name:
        _require(_is_allowed(char), NameRule.CHARACTER, detail=f"U+{ord(char):04X}")
    _judge_punctuation(name)
    _judge_scripts(name)
    _judge_marks(name)
    _require(allow_reserved or _skeleton(name) not in _RESERVED, NameRule.RESERVED)
    return Name(name)


def _require(condition: bool, rule: NameRule, *, detail: str = "") -> None:
    if not condition:
        raise NameRefused(rule, detail)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Mc"}


def _script(char: str) -> str | None:
    """The script of a letter or mark, None if no name has it. COMBINING marks, being of all scripts, are of none:
    what a language needs of them, NFC has composed."""
    return _SCRIPTS.get(unicodedata.name(char, "").partition(" ")[0])


def _is_allowed(char: str) -> bool:
    if char in _DIGITS or char in _PUNCTUATION:
        return True
    if unicodedata.category(char) not in {"Ll", "Lo", "Lm", "Mn", "Mc"}:
        return False
    script = _script(char)
    if script == "LATIN":
        base = unicodedata.normalize("NFD", char)[0]
        return base < _LATIN_BELOW or base in _LATIN_BESIDES
    return script is not None


def _judge_punctuation(name: str) -> None:
    inside = name[0] not in _PUNCTUATION and name[-1] not in _PUNCTUATION
    alone = all(not (a in _PUNCTUATION and b in _PUNCTUATION) for a, b in pairwise(name))
    _require(inside and alone, NameRule.PUNCTUATION)


def _judge_scripts(name: str) -> None:
    letters = [char for char in name if char not in _DIGITS and char not in _PUNCTUATION]
    _require(any(not _is_mark(char) for char in letters), NameRule.NO_LETTER)
    scripts = {_script(char) for char in letters}
    one = len(scripts) == 1 or any(scripts <= together for together in _TOGETHER)
    _require(one, NameRule.MIXED_SCRIPTS)
    for script in scripts & _LOOK_LATIN.keys():
        bases = {unicodedata.normalize("NFD", char)[0] for char in letters}
        _require(not bases <= _LOOK_LATIN[str(script)], NameRule.LOOKALIKE)


def _judge_marks(name: str) -> None:
    """A mark hides behind its double, and a heap of marks covers what is near it."""
    for mark, run in groupby(name, key=_is_mark):
        marks = list(run) if mark else []
        _require(len(marks) <= _MAX_MARKS_IN_A_ROW and len(set(marks)) == len(marks), NameRule.MARKS)
    _require(not _is_mark(name[0]), NameRule.MARKS)


def _skeleton(name: str) -> str:
    """What is left to the hasty eye: no accents, no punctuation, 0 for o, one stroke for 1, i and l."""
    plain = [char for char in unicodedata.normalize("NFD", name) if not _is_mark(char) and char not in _PUNCTUATION]
    return "".join(plain).translate(str.maketrans("01iı", "olll"))


_RESERVED: Final = frozenset(map(_skeleton, _RESERVED_WORDS.split()))
