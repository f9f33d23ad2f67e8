"""Messaging Layer Security (RFC 9420, with SelfRemove of draft-ietf-mls-extensions), complete and pure.

Groups are frozen values: `commit`, `propose`, `protect`, `process` and `join` take a group and return a result
with the new one, and nothing changes before the caller takes it. No I/O, no clock, no randomness but the crypto
provider's, no logging. `docs/how-to/mls.md` shows it in 30 lines; `docs/rules.md` lists every rule with the code
that enforces it.
"""

from aparte.mls.capabilities import MLS10, Capabilities
from aparte.mls.committing import CommitOptions, Committed, commit
from aparte.mls.config import Config, no_padding, padme, same_credential
from aparte.mls.create import best_cipher_suite, create_group
from aparte.mls.credentials import Credential, CredentialType
from aparte.mls.errors import (
    BadSignature,
    CallerError,
    CannotFollow,
    DecodeError,
    GenerationGone,
    GenerationTooFar,
    MissingPsk,
    MlsError,
    NotAMember,
    PathUndecryptable,
    PeerError,
    StateError,
    Undecryptable,
    UnknownProposal,
    WrongEpoch,
    WrongGroup,
)
from aparte.mls.extensions import (
    Extension,
    Extensions,
    ExtensionType,
    ExternalSender,
    ProposalType,
    RequiredCapabilities,
)
from aparte.mls.external import ExternalJoin, external_join
from aparte.mls.follow import branch, reinitialize
from aparte.mls.framing import ContentType, Sender, SenderType, WireFormat
from aparte.mls.group import Group, GroupStatus, PendingProposal, export_group_info
from aparte.mls.group_context import GroupContext
from aparte.mls.group_info import GroupInfo
from aparte.mls.join import JoinOptions, join
from aparte.mls.key_package import KeyPackage, KeyPackageSecrets, create_key_package
from aparte.mls.leaf_node import LeafNode, LeafNodeContent, LeafNodeSource, Lifetime
from aparte.mls.leaf_validation import VerifiedKeyPackage, verify_key_package, verify_key_packages
from aparte.mls.messages import MlsMessage, decode_message, encode_message
from aparte.mls.private_message import PrivateMessage
from aparte.mls.process import (
    ApplicationMessage,
    ContentProof,
    OwnMessage,
    Received,
    ReceivedCommit,
    ReceivedProposal,
    process,
)
from aparte.mls.proposals import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    SelfRemove,
    Update,
)
from aparte.mls.propose import (
    Change,
    Proposed,
    external_psk,
    propose,
    propose_as_external_sender,
    propose_own_addition,
    propose_update,
    resumption_psk,
)
from aparte.mls.protect import Protected, protect
from aparte.mls.psk import ExternalPskId, PreSharedKeyId, PskSource, ResumptionPskId, ResumptionUsage
from aparte.mls.public_message import PublicMessage
from aparte.mls.secret_tree import RatchetBounds
from aparte.mls.staging import RosterChange, StagedCommit
from aparte.mls.state import (
    decode_group,
    decode_key_package_secrets,
    encode_group,
    encode_key_package_secrets,
)
from aparte.mls.state_parts import GroupParts, PartsChange, changed_parts, join_parts, split_group
from aparte.mls.tree_math import Generation, LeafIndex, NodeIndex
from aparte.mls.welcome import Welcome

__all__ = [
    "MLS10",
    "Add",
    "ApplicationMessage",
    "BadSignature",
    "CallerError",
    "CannotFollow",
    "Capabilities",
    "Change",
    "CommitOptions",
    "Committed",
    "Config",
    "ContentProof",
    "ContentType",
    "Credential",
    "CredentialType",
    "DecodeError",
    "Extension",
    "ExtensionType",
    "Extensions",
    "ExternalInit",
    "ExternalJoin",
    "ExternalPskId",
    "ExternalSender",
    "Generation",
    "GenerationGone",
    "GenerationTooFar",
    "Group",
    "GroupContext",
    "GroupContextExtensions",
    "GroupInfo",
    "GroupParts",
    "GroupStatus",
    "JoinOptions",
    "KeyPackage",
    "KeyPackageSecrets",
    "LeafIndex",
    "LeafNode",
    "LeafNodeContent",
    "LeafNodeSource",
    "Lifetime",
    "MissingPsk",
    "MlsError",
    "MlsMessage",
    "NodeIndex",
    "NotAMember",
    "OwnMessage",
    "PartsChange",
    "PathUndecryptable",
    "PeerError",
    "PendingProposal",
    "PreSharedKey",
    "PreSharedKeyId",
    "PrivateMessage",
    "Proposal",
    "ProposalType",
    "Proposed",
    "Protected",
    "PskSource",
    "PublicMessage",
    "RatchetBounds",
    "ReInit",
    "Received",
    "ReceivedCommit",
    "ReceivedProposal",
    "Remove",
    "RequiredCapabilities",
    "ResumptionPskId",
    "ResumptionUsage",
    "RosterChange",
    "SelfRemove",
    "Sender",
    "SenderType",
    "StagedCommit",
    "StateError",
    "Undecryptable",
    "UnknownProposal",
    "Update",
    "VerifiedKeyPackage",
    "Welcome",
    "WireFormat",
    "WrongEpoch",
    "WrongGroup",
    "best_cipher_suite",
    "branch",
    "changed_parts",
    "commit",
    "create_group",
    "create_key_package",
    "decode_group",
    "decode_key_package_secrets",
    "decode_message",
    "encode_group",
    "encode_key_package_secrets",
    "encode_message",
    "export_group_info",
    "external_join",
    "external_psk",
    "join",
    "join_parts",
    "no_padding",
    "padme",
    "process",
    "propose",
    "propose_as_external_sender",
    "propose_own_addition",
    "propose_update",
    "protect",
    "reinitialize",
    "resumption_psk",
    "same_credential",
    "split_group",
    "verify_key_package",
    "verify_key_packages",
]
