"""The recovery phrase: 12 words of BIP-39 for 128 bits of entropy, from which the account's root key comes.

    root seed = HKDF-SHA-256(salt = "", ikm = entropy[16], info = label<V> "aparte/1 root", length 32)      Ed25519

Only BIP-39's lists and checksums are used. Its own seed is not: PBKDF2 stretches what people make up, and 128 random
bits need no stretching; nor is there a passphrase, whose loss would be one more way to lose the account. So the words'
language does not matter to the key, only the entropy does.

New phrases are English. Phrases are read in every list that BIP-39 has; which one is told from the words.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

from aparte.crypto import Hash, Signer, Suite
from aparte.crypto.kdf import Hkdf
from aparte.trust.errors import CallerError, PhraseRefused
from aparte.trust.fields import label
from aparte.trust.rules import PhraseRule
from aparte.wire.ids import KEY_LENGTH

if TYPE_CHECKING:
    from mnemonic import Mnemonic

__all__ = ["PHRASE_WORDS", "Language", "RecoveryPhrase", "new_phrase", "read_phrase", "root_from_phrase"]

PHRASE_WORDS: Final = 12
_ENTROPY_LENGTH: Final = 16
_ROOT: Final = label(b"root")
_KDF: Final = Hkdf(Hash.SHA256)

#: Characters of what is typed; a phrase has about a hundred.
_MAX_TYPED: Final = 1024
#: No list has words as long; comparing costs the product of the lengths.
_MAX_WORD: Final = 32
#: From here on the beginning of an English word stands for the word: BIP-39 chose them so.
_BEGINNING: Final = 4


class Language(StrEnum):
    """The lists of BIP-39. English first: of two equal chances it is the better one.

    The library has a Russian and a Turkish one besides, which BIP-39 has not; a word of the Russian one is damaged.
    """

    ENGLISH = "english"
    CHINESE_SIMPLIFIED = "chinese_simplified"
    CHINESE_TRADITIONAL = "chinese_traditional"
    CZECH = "czech"
    FRENCH = "french"
    ITALIAN = "italian"
    JAPANESE = "japanese"
    KOREAN = "korean"
    PORTUGUESE = "portuguese"
    SPANISH = "spanish"


@dataclass(frozen=True, slots=True, repr=False)
class RecoveryPhrase:
    """The words, and the 16 bytes that they stand for. Whoever has either has the account."""

    words: tuple[str, ...]
    language: Language
    entropy: bytes

    def __repr__(self) -> str:
        return "<RecoveryPhrase>"


@dataclass(frozen=True, slots=True, repr=False)
class _WordList:
    library: Mnemonic
    #: The words in NFKD, and without case and accents where that leaves them different.
    exact: frozenset[str]
    loose: dict[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class _Reading:
    """What was typed, taken for words of one language: None for those that are not in its list."""

    language: Language
    words: tuple[str | None, ...]
    is_exact: bool


def new_phrase(rng: Callable[[int], bytes]) -> RecoveryPhrase:
    """A phrase nobody has. Raises `CallerError` if `rng` does not give what it is asked for."""
    entropy = rng(_ENTROPY_LENGTH)
    if len(entropy) != _ENTROPY_LENGTH:
        raise CallerError(f"the source of randomness gave {len(entropy)} bytes for {_ENTROPY_LENGTH}")
    words = _list_in(Language.ENGLISH).library.to_mnemonic(entropy).split()
    return RecoveryPhrase(tuple(words), Language.ENGLISH, entropy)


def root_from_phrase(phrase: RecoveryPhrase, suite: Suite) -> Signer:
    """The account's root key. The suite's signatures must be Ed25519."""
    prk = _KDF.mac(b"", phrase.entropy)
    return suite.load_signer(_KDF.expand(prk, _ROOT, KEY_LENGTH))


def read_phrase(text: str, *, language: Language | None = None) -> RecoveryPhrase:
    """The phrase that was typed. Raises `PhraseRefused`, which says what is wrong and where.

    Forgiven are case, spaces, numbers and punctuation between words, accents, the other Unicode forms of a letter,
    and English words cut after four letters or more. `language` settles what several lists could mean.
    """
    typed = _typed_words(text)
    if len(typed) != PHRASE_WORDS:
        raise PhraseRefused(PhraseRule.COUNT, f"here are {len(typed)}")
    readings = [_read_in(one, typed) for one in ([language] if language else Language)]
    complete = [reading for reading in readings if None not in reading.words]
    if not complete:
        raise _unknown_word(max(readings, key=lambda reading: sum(word is not None for word in reading.words)), typed)
    phrases = [(reading.is_exact, phrase) for reading in complete if (phrase := _phrase_of(reading))]
    if not phrases:
        raise PhraseRefused(PhraseRule.CHECKSUM)
    best = [phrase for is_exact, phrase in phrases if is_exact] or [phrase for _, phrase in phrases]
    if len({phrase.entropy for phrase in best}) > 1:
        languages = tuple(phrase.language for phrase in best)
        raise PhraseRefused(PhraseRule.AMBIGUOUS, ", ".join(languages), languages=languages)
    return best[0]


def _typed_words(text: str) -> list[str]:
    if len(text) > _MAX_TYPED:
        raise PhraseRefused(PhraseRule.TOO_LONG)
    words = "".join(_letters_of(unicodedata.normalize("NFKD", text))).split()
    if len(words) == 1 and len(words[0]) == PHRASE_WORDS and all(map(_is_ideograph, words[0])):
        return list(words[0])  # Chinese is written without spaces
    return words


def _letters_of(text: str) -> Iterator[str]:
    """Letters and their marks; nothing for what is not seen, a space for all else."""
    for char in text:
        match unicodedata.category(char):
            case "Cf":
                pass
            case category if category[0] in "LM":
                yield char
            case _:
                yield " "


def _is_ideograph(char: str) -> bool:
    return unicodedata.name(char, "").startswith("CJK UNIFIED")


def _fold(word: str) -> str:
    """Without case and accents. The marks of Japanese, which make other syllables, stay."""
    plain = [char for char in unicodedata.normalize("NFKD", word).lower() if not "\u0300" <= char <= "\u036f"]
    return "".join(plain)


@cache
def _list_in(language: Language) -> _WordList:
    from mnemonic import Mnemonic  # noqa: PLC0415 - a host, which imports this room, never reads a phrase

    library = Mnemonic(language.value)
    loose: dict[str, str] = {}
    twice: set[str] = set()
    for word in library.wordlist:
        folded = _fold(word)
        if loose.setdefault(folded, word) != word:
            twice.add(folded)
    return _WordList(
        library, frozenset(library.wordlist), {folded: word for folded, word in loose.items() if folded not in twice}
    )


def _read_in(language: Language, typed: list[str]) -> _Reading:
    words = _list_in(language)
    is_exact = all(word.lower() in words.exact for word in typed)
    return _Reading(language, tuple(_find(word, language) for word in typed), is_exact)


def _find(typed: str, language: Language) -> str | None:
    """The word of the list that was meant."""
    words, word, folded = _list_in(language), typed.lower(), _fold(typed)
    if word in words.exact:
        return word
    if found := words.loose.get(folded):
        return found
    begun = []
    if language is Language.ENGLISH and len(folded) >= _BEGINNING:
        begun = [one for one in words.exact if one.startswith(folded)]
    return begun[0] if len(begun) == 1 else None


def _phrase_of(reading: _Reading) -> RecoveryPhrase | None:
    """None if the checksum does not fit."""
    words = [word for word in reading.words if word is not None]
    try:
        entropy = bytes(_list_in(reading.language).library.to_entropy(words))
    except ValueError:
        return None
    return RecoveryPhrase(tuple(words), reading.language, entropy)


def _unknown_word(reading: _Reading, typed: list[str]) -> PhraseRefused:
    """The first one, in the language to which most of the words belong."""
    place = reading.words.index(None)
    piece, words = _fold(typed[place]), _list_in(reading.language).loose
    close = difflib.get_close_matches(piece, words, n=3, cutoff=0.6) if len(piece) <= _MAX_WORD else []
    nearest = tuple(words[word] for word in close)
    return PhraseRefused(PhraseRule.WORD, f"word {place + 1}", place=place + 1, nearest=nearest)
