"""The error tree, sorted by who is at fault: our caller, whoever signed a statement, or whoever chose or typed.

Bytes that decode to nothing raise `aparte.codec.DecodeError`, values that do not fit their structure
`aparte.codec.EncodeError`: both stand outside this tree because every room shares them.
"""

from __future__ import annotations

from aparte.codec import DecodeError
from aparte.trust.rules import (
    AddressRule,
    CredentialRule,
    GenesisRule,
    InviteRule,
    LinkingRule,
    ManifestRule,
    NameRule,
    PhraseRule,
    Rule,
)

__all__ = [
    "AddressRefused",
    "CallerError",
    "Conflict",
    "CredentialRefused",
    "GenesisRefused",
    "InviteRefused",
    "LinkingRefused",
    "ManifestRefused",
    "NameRefused",
    "PhraseRefused",
    "Refused",
    "TrustError",
    "UnknownVersion",
]


class TrustError(Exception):
    """Root of the tree."""


class CallerError(TrustError):
    """The call makes no sense; nothing was received from anybody."""


class Refused(TrustError):
    """A statement decodes, but breaks a rule. `rule` says which."""

    def __init__(self, rule: Rule, detail: str = "") -> None:
        problem = f"{rule.problem}: {detail}" if detail else rule.problem
        super().__init__(f"{problem} [rule {rule.number}]")
        self.rule: Rule = rule


class GenesisRefused(Refused):
    """Whoever made it does not hold the keys, or chose them wrongly."""

    rule: GenesisRule


class CredentialRefused(Refused):
    """It does not show that the leaf belongs to the account."""

    rule: CredentialRule


class ManifestRefused(Refused):
    """It does not follow the manifest that stands."""

    rule: ManifestRule


class Conflict(ManifestRefused):
    """Another manifest already stands at that place; the first wins.

    By itself it accuses nobody, for the signature was not looked at: see `is_conflict`.
    """


class NameRefused(Refused):
    """Nobody may be called that."""

    rule: NameRule


class AddressRefused(Refused):
    """No account and no host can have that address."""

    rule: AddressRule


class PhraseRefused(Refused):
    """It is no recovery phrase. What was typed stands in no message: it is nearly a secret.

    `place` is the unknown word's, from 1, and `nearest` what may have been meant, best first: for whoever typed it
    alone. `languages` are those in which the words are a phrase, if there are several.
    """

    rule: PhraseRule

    def __init__(
        self,
        rule: PhraseRule,
        detail: str = "",
        *,
        place: int = 0,
        nearest: tuple[str, ...] = (),
        languages: tuple[str, ...] = (),
    ) -> None:
        super().__init__(rule, detail)
        self.place = place
        self.nearest = nearest
        self.languages = languages


class InviteRefused(Refused):
    """It is no invite link, or not the whole of one."""

    rule: InviteRule


class LinkingRefused(Refused):
    """A device must not be linked like that."""

    rule: LinkingRule


class UnknownVersion(DecodeError):
    """The structure is of a version that this program does not know: an update may be needed."""

    def __init__(self, structure: str, version: int, *, offset: int) -> None:
        super().__init__(f"{structure} of version {version} is unknown here", offset)
        self.version = version
