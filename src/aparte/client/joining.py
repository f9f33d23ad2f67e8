"""Into a conversation: invitations to those whom a commit added, and what one does with an invitation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from aparte import mls
from aparte.client.converging import converge
from aparte.client.groups import config_for, identity_of
from aparte.client.open_logs import OpenLog
from aparte.client.store.rows import (
    ConversationKind,
    ConversationRow,
    ConversationState,
    DropRow,
    EpochRow,
    PeerRow,
)
from aparte.client.work import Work
from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.conversation import EpochKeys, Invitation, ItemRefused, open_item, seal_item
from aparte.crypto import CryptoError
from aparte.trust import (
    AddressRefused,
    Credential,
    Host,
    Manifest,
    ManifestRefused,
    NameRefused,
    TrustError,
    device_id_of,
    is_loopback,
    judge_beginning,
    normalize_host,
    parse_address,
    verify_genesis,
)
from aparte.wire.ids import DEVICE_ID_LENGTH, HASH_LENGTH, AccountId, DeviceId, Idem, Lane, Millis, Seq
from aparte.wire.limits import MAX_HOST_NAME

__all__ = ["Joiner", "encode_joiners", "invite_joiners", "take_item"]

_ITEM_ID_LENGTH: Final = 16
#: A person waits: an item is dropped at a random time within so many milliseconds, apart from what is posted.
_SOON: Final = 2_000


@dataclass(frozen=True, slots=True)
class Joiner:
    """A device that a commit adds, where it is reached, and its Welcome."""

    host: str
    account_id: AccountId
    device_id: DeviceId
    inbox_key: bytes
    welcome: bytes


def encode_joiners(joiners: list[Joiner]) -> bytes:
    """For the store."""
    return b"".join(
        encode_vector(each.host.encode())
        + each.account_id
        + each.device_id
        + encode_vector(each.inbox_key)
        + encode_vector(each.welcome)
        for each in joiners
    )


def _decode_joiners(data: bytes) -> list[Joiner]:
    reader, joiners = Reader(data), []
    while reader:
        host, account_id = reader.vector(MAX_HOST_NAME).decode(), AccountId(reader.take(HASH_LENGTH))
        device_id = DeviceId(reader.take(DEVICE_ID_LENGTH))
        joiners.append(Joiner(host, account_id, device_id, reader.vector(), reader.vector()))
    return joiners


def invite_joiners(work: Work, log: OpenLog, *, welcomes: bytes) -> None:
    """The commit stands: its joiners get what they need, each by itself."""
    account, epoch = work.account, log.epoch
    tree = log.group.tree.encode()
    for joiner in _decode_joiners(welcomes):
        invitation = Invitation(
            host=log.row.host,
            log_id=log.row.log_id,
            node=epoch.node,
            at=epoch.at,
            chain=epoch.chain,
            conversation_id=log.row.conversation_id,
            welcome=joiner.welcome,
            ratchet_tree=tree,
            document=log.row.document,
            inviter=f"{account.name}@{account.host}",
            manifest=account.manifest,
        )
        to = (joiner.account_id, joiner.device_id)
        try:
            item = seal_item(invitation, joiner.inbox_key, to=to, suite=work.suite)
        except (EncodeError, CryptoError) as error:
            log.row = replace(log.row, trouble=f"an invitation could not be made: {error}")
            continue
        due = Millis(work.now + int(_SOON * work.jitter()))
        row = DropRow(
            Idem(work.suite.random(_ITEM_ID_LENGTH)), log.number, joiner.host, *to, Lane.REQUEST, b"", item, due
        )
        work.store.drops.put(row)
        work.session.may_have_drops = True


def take_item(work: Work, item: bytes, *, lane: Lane) -> None:
    """Something came into this device's inbox. What is of no use is passed over: anybody may send anything."""
    account = work.account
    device_id = device_id_of(work.suite.load_signer(account.device_key).public_key)
    inbox_key = work.suite.load_kem_key(account.inbox_key)
    try:
        invitation = open_item(item, inbox_key, to=(account.account_id, device_id), suite=work.suite)
        _join(work, invitation, lane=lane)
    except (ItemRefused, DecodeError, mls.MlsError, TrustError):
        return


def _join(work: Work, invitation: Invitation, *, lane: Lane) -> None:
    if work.store.conversations.find(invitation.conversation_id) is not None:
        return
    _check_host(work, invitation.host)
    group = _joined_group(work, invitation)
    keys = EpochKeys.of(group, invitation.log_id)
    inviter = _inviter(work, group, invitation=invitation)
    known = work.store.peers.get(inviter.account_id)
    row = ConversationRow(
        id=0,
        conversation_id=invitation.conversation_id,
        kind=ConversationKind.DIRECT,
        state=ConversationState.LIVE,
        host=invitation.host,
        log_id=invitation.log_id,
        peer_host=inviter.host,
        peer_name="" if known is None else known.name,
        peer=inviter.account_id,
        is_request=lane is Lane.REQUEST and (known is None or not known.is_contact),
        document=invitation.document,
        last_at=invitation.at,
    )
    if known is None:
        work.keep_peer(inviter)
        work.session.may_be_unchecked = True
    number = work.begin_conversation(row)
    log, seq = work.log(number), Seq(invitation.node)
    log.epoch = EpochRow(number, invitation.node, seq, invitation.at, invitation.chain, 0, b"", keys.encode())
    log.group = group.without_exporter()
    work.wants_open(log)
    converge(work, log)


def _joined_group(work: Work, invitation: Invitation) -> mls.Group:
    """Raises `DecodeError` and `MlsError`. The key package has served, and is gone."""
    decoded = mls.decode_message(invitation.welcome)
    if not isinstance(decoded, mls.Welcome):
        raise DecodeError("no Welcome")
    packages = [row for reference in decoded.by_reference() if (row := work.store.key_packages.find(reference))]
    secrets = [mls.decode_key_package_secrets(row.secrets, work.provider) for row in packages]
    options = mls.JoinOptions(ratchet_tree=invitation.ratchet_tree)
    group = mls.join(work.suite, config_for(work.suite), invitation.welcome, secrets, options)
    for row in packages:
        if not row.is_last_resort:
            work.store.key_packages.remove(row.reference)
    return group


def _check_host(work: Work, host: str) -> None:
    """Others may send one to a host, but not to a port of one's own machine. Raises `DecodeError` and `TrustError`."""
    if normalize_host(host) != host:
        raise DecodeError("the host is not in its normal form")
    if is_loopback(Host(host)) and not is_loopback(Host(work.account.host)):
        raise DecodeError("the host is this machine")


def _inviter(work: Work, group: mls.Group, *, invitation: Invitation) -> PeerRow:
    """Who has invited: an account of the group whose manifest came along. Raises `DecodeError` and `TrustError`."""
    manifest = Manifest.decode(invitation.manifest)
    for _, leaf in group.members():
        if identity_of(leaf).account_id == manifest.account_id != work.account.account_id:
            genesis = Credential.decode(leaf.credential.identity).genesis
            break
    else:
        raise DecodeError("who invites is no member")
    try:
        address = parse_address(invitation.inviter)
    except (AddressRefused, NameRefused):
        raise DecodeError("who invites gives no address") from None
    _check_host(work, address.host)
    try:
        judge_beginning(manifest, account=verify_genesis(genesis, work.suite), suite=work.suite)
        encoded = invitation.manifest
    except ManifestRefused:
        encoded = b""  # those before it have to be fetched first
    return PeerRow(manifest.account_id, address.host, address.name, genesis.encode(), encoded, is_checked=False)
