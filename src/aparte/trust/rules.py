"""Every rule by which a statement is refused, with its number in docs/protocol."""

from __future__ import annotations

from enum import Enum

__all__ = [
    "AddressRule",
    "CredentialRule",
    "GenesisRule",
    "InviteRule",
    "LinkingRule",
    "ManifestRule",
    "NameRule",
    "PhraseRule",
    "Rule",
]


class Rule(Enum):
    """A rule: its number, and what is wrong when it is broken."""

    def __init__(self, number: str, problem: str) -> None:
        self.number = number
        self.problem = problem


class GenesisRule(Rule):
    """What makes a genesis an account."""

    KEYS = "genesis.1", "the root key is also the first device's"
    ROOT_SIGNATURE = "genesis.2", "the root key has not signed"
    DEVICE_SIGNATURE = "genesis.3", "the first device key has not signed"


class CredentialRule(Rule):
    """What ties a leaf to an account."""

    ACCOUNT = "credential.1", "a certificate is for another account"
    ISSUER = "credential.2", "a certificate's issuer is not the device before it, nor root at the start"
    DEVICE_TWICE = "credential.3", "a device stands twice in the path"
    ROOT_AS_DEVICE = "credential.4", "the root key is certified as a device's"
    DEVICE = "credential.5", "the leaf is certified for a device other than the path's last"
    LEAF_KEY = "credential.6", "the leaf is certified for another signature key"
    SIGNATURE = "credential.7", "a certificate's signature does not verify"


class ManifestRule(Rule):
    """What makes a manifest the one that stands."""

    ACCOUNT = "manifest.1", "it is for another account"
    NO_DEVICE = "manifest.2", "it lists no device"
    DEVICE_TWICE = "manifest.3", "it lists a device twice"
    ROOT_AS_DEVICE = "manifest.4", "it lists the root key as a device's"
    REVOKED_TWICE = "manifest.5", "it revokes a device twice"
    REVOKED_LISTED = "manifest.6", "it lists a device that it revokes"
    FIRST_PLACE = "manifest.7", "the first one has root_gen 0, n 0 and no predecessor"
    FIRST_DEVICE = "manifest.8", "the first one lists the first device alone and revokes none"
    OLDER = "manifest.9", "it comes before the one that stands"
    CONFLICT = "manifest.10", "another one stands at its place"
    GENERATION_BY_DEVICE = "manifest.11", "only root raises root_gen"
    GENERATION_START = "manifest.12", "a new root_gen starts with n 0"
    GAP = "manifest.13", "it does not follow at once: n is not one more"
    PREV = "manifest.14", "it names another predecessor"
    REVOKED_SHRANK = "manifest.15", "it takes a revocation back"
    DEVICE_VANISHED = "manifest.16", "a device is neither listed any more nor revoked"
    REVOKED_STRANGER = "manifest.17", "it revokes what was not listed before"
    INBOX_KEY = "manifest.18", "an inbox key was changed by another than its device"
    SIGNER_REVOKED = "manifest.19", "its signer is revoked"
    SIGNER_UNKNOWN = "manifest.20", "its signer was not listed before"
    SIGNATURE = "manifest.21", "its signature does not verify"


class NameRule(Rule):
    """What a name may be."""

    TOO_SHORT = "name.1", "a name has at least 2 characters"
    TOO_LONG = "name.2", "a name has at most 64 bytes of UTF-8"
    CHARACTER = "name.3", "only letters, the digits 0 to 9, and . _ - within"
    PUNCTUATION = "name.4", "a name starts and ends with a letter or digit, and . _ - stand alone"
    NO_LETTER = "name.5", "a name has at least one letter"
    MIXED_SCRIPTS = "name.6", "the letters of a name are of one script"
    LOOKALIKE = "name.7", "all letters of the name look like Latin ones and are not"
    MARKS = "name.8", "a mark is repeated, or too many follow each other"
    RESERVED = "name.9", "the name is, or looks like, one that is kept for hosts"


class AddressRule(Rule):
    """What an address `name@host` may be."""

    FORM = "address.1", "an address is a name, one @, and a host"
    TOO_LONG = "address.2", "no host has a name that long"
    HOST = "address.3", "a host is a DNS name: letters, digits and hyphens within, and dots between"
    PORT = "address.4", "a port is a number from 1 to 65535"
    IP = "address.5", "an IP address names a host on this machine only, as 127.0.0.1 or [::1]"


class PhraseRule(Rule):
    """What a recovery phrase may be."""

    TOO_LONG = "phrase.1", "no recovery phrase is that long"
    COUNT = "phrase.2", "a recovery phrase has 12 words"
    WORD = "phrase.3", "a word is not in the list"
    CHECKSUM = "phrase.4", "all words are known, but one of them is another's, or two have changed places"
    AMBIGUOUS = "phrase.5", "the words are a phrase in more than one language, which has to be said"


class InviteRule(Rule):
    """What an invite link may be."""

    FORM = "invite.1", "this is no invite link"
    TOO_LONG = "invite.2", "no invite link is that long"
    HOST = "invite.3", "the link names no host"
    CUT = "invite.4", "the link was cut or altered: ask for it again"
    CONTENT = "invite.5", "the link is whole, but what it says cannot be read"


class LinkingRule(Rule):
    """What keeps a stranger's device out of an account, and an owner's out of a stranger's."""

    SOURCE = "linking.1", "a link code is scanned or typed, never pasted, nor opened from a chat or a link"
    FORM = "linking.2", "this is no link code"
    TYPING = "linking.3", "the link code was mistyped, or is not whole"
    OPENS_NOT = "linking.4", "a message was not sealed by anybody who has this code"
    OFFER = "linking.5", "the offer is not the one of this code"
    HELLO = "linking.6", "the greeting is for another offer, or its device has not signed it"
    ANSWER = "linking.7", "the answer is for another device, or the offering device has not signed it"
    GRANT = "linking.8", "the grant is of another exchange, or the offering device has not signed it"
    ACCOUNT = "linking.9", "the grant does not make this device one of the account"
    DIGITS = "linking.10", "these are not the digits that the new device shows"
    NOT_LISTED = "linking.11", "the account's manifests do not list both devices, or are others than the old device's"
