"""A Welcome taken apart by its joiner's own key, changed, signed and sealed again as its inviter would have done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from aparte.crypto import Signer, Suite
from aparte.mls import (
    Extensions,
    ExtensionType,
    GroupContext,
    JoinOptions,
    KeyPackage,
    LeafIndex,
    NodeIndex,
    Welcome,
    decode_message,
    encode_message,
    join,
)
from aparte.mls.group_info import GroupInfo, sign_group_info
from aparte.mls.key_schedule import epoch_secrets, welcome_keys
from aparte.mls.ratchet_tree import Node, RatchetTree
from aparte.mls.welcome import GroupSecrets, seal_group_secrets
from tests.mls_scenes import Person

TREE = ExtensionType.RATCHET_TREE


@dataclass(frozen=True, slots=True)
class OpenWelcome:
    """All that an inviter decides. `tag` is computed anew if it is None."""

    suite: Suite
    inviter: Signer
    package: KeyPackage
    secrets: GroupSecrets
    context: GroupContext
    extensions: Extensions
    signer: LeafIndex
    psk: bytes
    tag: bytes | None = None

    @classmethod
    def of(cls, welcome: bytes, joiner: Person, inviter: Person, *, psk: bytes | None = None) -> OpenWelcome:
        """`psk` is the psk_secret of the commit, all zeros by default. The joiner's last package is meant."""
        suite, own = joiner.suite, joiner.packages[-1]
        psk = bytes(suite.parameters.hash_length) if psk is None else psk
        decoded = decode_message(welcome)
        assert isinstance(decoded, Welcome)
        entry = decoded.addressed_to(own.key_package.reference(suite))
        assert entry is not None
        secrets = decoded.open_secrets(suite, entry, own.init_key)
        info: GroupInfo = decoded.open_group_info(suite, welcome_keys(suite, secrets.joiner_secret, psk))
        signer, package = inviter.group.state.signer, own.key_package
        return cls(suite, signer, package, secrets, info.group_context, info.extensions, info.signer, psk)

    @property
    def tree(self) -> RatchetTree:
        encoded = self.extensions.get(TREE)
        assert encoded is not None
        return RatchetTree.decode(self.suite, encoded)

    def with_secrets(self, **fields: object) -> OpenWelcome:
        return replace(self, secrets=replace(self.secrets, **fields))

    def with_context(self, **fields: object) -> OpenWelcome:
        return replace(self, context=replace(self.context, **fields))

    def with_nodes(self, changes: dict[int, Node | None]) -> OpenWelcome:
        """Another tree, and a context that names it."""
        nodes = list(self.tree.nodes)
        for index, node in changes.items():
            nodes[index] = node
        return self.with_tree(RatchetTree(self.suite, nodes))

    def with_tree(self, tree: RatchetTree) -> OpenWelcome:
        named = self.with_context(tree_hash=tree.tree_hash())
        return replace(named, extensions=self.extensions.with_extension(TREE, tree.encode()))

    def without_tree(self) -> OpenWelcome:
        return replace(self, extensions=self.extensions.without(TREE))

    def parent(self, index: int, **fields: object) -> OpenWelcome:
        """Other contents of a parent node."""
        here = self.tree.parent_node(NodeIndex(index))
        assert here is not None
        return self.with_nodes({index: replace(here, **fields)})

    def sealed(self, spoil: Callable[[bytes], bytes] = bytes) -> bytes:
        """The Welcome; `spoil` may change the encoded GroupInfo before it is sealed."""
        return encode_message(self.welcome(spoil))

    def welcome(self, spoil: Callable[[bytes], bytes] = bytes) -> Welcome:
        suite, joiner = self.suite, self.secrets.joiner_secret
        epoch = epoch_secrets(suite, joiner, self.psk, self.context.encode())
        tag = suite.mac(epoch.confirmation, self.context.confirmed_transcript_hash)
        info = sign_group_info(
            self.inviter,
            self.signer,
            group_context=self.context,
            extensions=self.extensions,
            confirmation_tag=tag if self.tag is None else self.tag,
        )
        keys = welcome_keys(suite, joiner, self.psk)
        sealed = suite.seal(keys.key, keys.nonce, b"", spoil(info.encode()))
        entries = seal_group_secrets(suite, [(self.package, self.secrets)], sealed)
        return Welcome(suite.parameters.number, entries, sealed)


def joining(who: Person, welcome: bytes | OpenWelcome, **options: object) -> Callable[[], object]:
    """What `who` does with a Welcome; nobody's group changes."""
    message = welcome.sealed() if isinstance(welcome, OpenWelcome) else welcome
    choices = JoinOptions(**options)
    return lambda: join(who.suite, who.config, message, who.packages, choices)
