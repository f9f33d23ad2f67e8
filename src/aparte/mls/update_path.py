"""UpdatePath (RFC 9420 §7.6) on the wire. Ciphertexts are left unparsed: a member needs one of thousands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aparte.codec import DecodeError, Reader, encode_vector
from aparte.mls.leaf_node import LeafNode

__all__ = ["HpkeCiphertexts", "UpdatePath", "UpdatePathNode"]


@dataclass(frozen=True, slots=True)
class HpkeCiphertexts:
    """`HPKECiphertext encrypted_path_secret<V>`, still encoded (without the outer length)."""

    raw: bytes

    @classmethod
    def of(cls, items: Iterable[tuple[bytes, bytes]]) -> HpkeCiphertexts:
        """From (kem_output, ciphertext) pairs."""
        return cls(b"".join([encode_vector(kem) + encode_vector(sealed) for kem, sealed in items]))

    def count(self) -> int:
        """How many there are. Raises `DecodeError` if any is malformed."""
        stride = self._stride()
        return len(self.raw) // stride if stride else len(self._parse())

    def item(self, index: int) -> tuple[bytes, bytes]:
        """(kem_output, ciphertext) number `index`."""
        stride = self._stride()
        if not stride:
            return self._parse()[index]
        reader = Reader(self.raw, index * stride, (index + 1) * stride)
        pair = reader.vector(), reader.vector()
        reader.finish()
        return pair

    def _stride(self) -> int:
        """The common size of all items, or 0 if they differ.

        Items are of one size in every honest path, so comparing each item's two length headers with the
        first one's, by slices, replaces parsing all of them (0.5 µs each; a full path at 1,000 has 999).
        """
        raw = self.raw
        if not raw:
            return 0
        reader = Reader(raw)
        kem_length = reader.length()
        kem_header = reader.position
        reader.take(kem_length)
        start = reader.position
        sealed_length = reader.length()
        sealed_header = reader.position - start
        reader.take(sealed_length)
        stride = reader.position
        number, beyond = divmod(len(raw), stride)
        if beyond:
            return 0
        headers = (*range(kem_header), *range(start, start + sealed_header))
        same = all(raw[i::stride] == raw[i : i + 1] * number for i in headers)
        return stride if same else 0

    def _parse(self) -> list[tuple[bytes, bytes]]:
        reader = Reader(self.raw)
        items = []
        while reader:
            items.append((reader.vector(), reader.vector()))
        return items


@dataclass(frozen=True, slots=True)
class UpdatePathNode:
    """A new public key for one node, and its path secret sealed to the copath's resolution."""

    encryption_key: bytes
    encrypted_path_secret: HpkeCiphertexts

    def encode(self) -> bytes:
        return encode_vector(self.encryption_key) + encode_vector(self.encrypted_path_secret.raw)


@dataclass(frozen=True, slots=True)
class UpdatePath:
    """The committer's new leaf and the nodes of its filtered direct path, leaf side first."""

    leaf_node: LeafNode
    nodes: tuple[UpdatePathNode, ...]

    @classmethod
    def read(cls, reader: Reader) -> UpdatePath:
        leaf_node = LeafNode.read(reader)
        inner = reader.nested()
        nodes: list[UpdatePathNode] = []
        while inner:
            if len(nodes) == _MAX_NODES:
                raise DecodeError("an update path is longer than any tree is deep", inner.position)
            nodes.append(UpdatePathNode(inner.vector(), HpkeCiphertexts(inner.vector())))
        return cls(leaf_node, tuple(nodes))

    @classmethod
    def decode(cls, data: bytes) -> UpdatePath:
        reader = Reader(data)
        path = cls.read(reader)
        reader.finish()
        return path

    def encode(self) -> bytes:
        return self.leaf_node.raw + encode_vector(b"".join([node.encode() for node in self.nodes]))


#: Leaf indices are 32 bits wide.
_MAX_NODES = 32
