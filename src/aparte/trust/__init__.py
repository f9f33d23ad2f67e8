"""Accounts: genesis, device certificates and manifests, names, and the rules by which they are believed.

Pure: no I/O, no clock, no randomness of its own. What was decoded is not believed yet: `verify_genesis` turns it into
an `Account`, `verify_credential` into an `Identity`, `judge_beginning` or `judge_successor` into an `AcceptedManifest`.
"""

from aparte.trust.certificates import DeviceCert, LeafCert, issue_device_cert, issue_leaf_cert
from aparte.trust.credential import MAX_PATH, Credential, Identity, verify_credential
from aparte.trust.errors import (
    CallerError,
    Conflict,
    CredentialRefused,
    GenesisRefused,
    ManifestRefused,
    NameRefused,
    Refused,
    TrustError,
    UnknownVersion,
)
from aparte.trust.genesis import Account, Genesis, create_genesis, device_id_of, verify_genesis
from aparte.trust.judge import AcceptedManifest, is_conflict, judge_beginning, judge_successor
from aparte.trust.manifest import (
    MAX_DEVICES,
    MAX_INBOX_KEY,
    MAX_REVOKED,
    NO_PREV,
    Device,
    Manifest,
    ManifestContent,
    first_manifest,
    sign_manifest,
)
from aparte.trust.names import Name, normalize_name
from aparte.trust.rules import CredentialRule, GenesisRule, ManifestRule, NameRule, Rule

__all__ = [
    "MAX_DEVICES",
    "MAX_INBOX_KEY",
    "MAX_PATH",
    "MAX_REVOKED",
    "NO_PREV",
    "AcceptedManifest",
    "Account",
    "CallerError",
    "Conflict",
    "Credential",
    "CredentialRefused",
    "CredentialRule",
    "Device",
    "DeviceCert",
    "Genesis",
    "GenesisRefused",
    "GenesisRule",
    "Identity",
    "LeafCert",
    "Manifest",
    "ManifestContent",
    "ManifestRefused",
    "ManifestRule",
    "Name",
    "NameRefused",
    "NameRule",
    "Refused",
    "Rule",
    "TrustError",
    "UnknownVersion",
    "create_genesis",
    "device_id_of",
    "first_manifest",
    "is_conflict",
    "issue_device_cert",
    "issue_leaf_cert",
    "judge_beginning",
    "judge_successor",
    "normalize_name",
    "sign_manifest",
    "verify_credential",
    "verify_genesis",
]
