// Hex and TLS bytes on our side, ts-mls's own values on the other. No state, no cryptography.
import { ciphersuites, decodeMlsMessage, encodeMlsMessage } from "ts-mls";
import { defaultExtensionTypes } from "ts-mls/defaultExtensionType.js";
import { decodeRatchetTree, encodeRatchetTree } from "ts-mls/ratchetTree.js";

export class PeerUsageError extends Error {
  name = "PeerUsageError";
}

export const fromHex = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
export const toHex = (bytes) => Buffer.from(bytes).toString("hex");

/** A bare TLS structure must use up its bytes: ts-mls's decoders do not check that themselves. */
function whole(decoder, bytes, what) {
  const decoded = decoder(bytes, 0);
  if (decoded === undefined) throw new PeerUsageError(`${what}: ts-mls cannot decode it`);
  const [value, length] = decoded;
  if (length !== bytes.length) throw new PeerUsageError(`${what}: ${bytes.length - length} trailing bytes`);
  return value;
}

/** RFC 9420 §6: decode an MLSMessage of one of the given wire formats. */
export function decodeMessage(hex, ...wireformats) {
  const message = whole(decodeMlsMessage, fromHex(hex), "MLSMessage");
  if (!wireformats.includes(message.wireformat))
    throw new PeerUsageError(`expected ${wireformats.join(" or ")}, got ${message.wireformat}`);
  return message;
}

export const encodeMessage = (message) => toHex(encodeMlsMessage({ version: "mls10", ...message }));
export const decodeTree = (hex) => whole(decodeRatchetTree, fromHex(hex), "ratchet_tree");
export const encodeTree = (tree) => toHex(encodeRatchetTree(tree));

export function suiteName(suite) {
  if (suite in ciphersuites) return suite;
  const name = Object.keys(ciphersuites).find((known) => ciphersuites[known] === Number(suite));
  if (name === undefined) throw new PeerUsageError(`ts-mls has no cipher suite ${suite}`);
  return name;
}

const extensionNames = Object.fromEntries(Object.entries(defaultExtensionTypes).map(([k, v]) => [v, k]));

/** [[type number, data hex], …] → ts-mls extensions (names for registered types, numbers otherwise). */
export const decodeExtensions = (pairs) =>
  pairs.map(([type, data]) => ({
    extensionType: extensionNames[type] ?? type,
    extensionData: fromHex(data),
  }));

export const encodeExtensions = (extensions) =>
  extensions.map(({ extensionType, extensionData }) => [
    defaultExtensionTypes[extensionType] ?? extensionType,
    toHex(extensionData),
  ]);

/** Proposals as the Python side writes them; "update" is made where the leaf's keys are (updates.mjs). */
export function decodeProposal(proposal, cipherSuite) {
  switch (proposal.kind) {
    case "add":
      return {
        proposalType: "add",
        add: { keyPackage: decodeMessage(proposal.key_package, "mls_key_package").keyPackage },
      };
    case "remove":
      return { proposalType: "remove", remove: { removed: proposal.leaf } };
    case "external_psk":
    case "resumption_psk":
      return { proposalType: "psk", psk: { preSharedKeyId: pskId(proposal, cipherSuite) } };
    case "group_context_extensions":
      return {
        proposalType: "group_context_extensions",
        groupContextExtensions: { extensions: decodeExtensions(proposal.extensions) },
      };
    case "reinit":
      return {
        proposalType: "reinit",
        reinit: {
          groupId: fromHex(proposal.group_id),
          version: "mls10",
          cipherSuite: suiteName(proposal.suite),
          extensions: decodeExtensions(proposal.extensions),
        },
      };
    case "custom":
      return { proposalType: proposal.type, proposalData: fromHex(proposal.data) };
    default:
      throw new PeerUsageError(`no such proposal by value: ${proposal.kind}`);
  }
}

/** RFC 9420 §8.4: PreSharedKeyID, with a fresh nonce of KDF.Nh bytes. */
function pskId(proposal, cipherSuite) {
  const pskNonce = cipherSuite.rng.randomBytes(cipherSuite.kdf.size);
  if (proposal.kind === "external_psk") return { psktype: "external", pskId: fromHex(proposal.id), pskNonce };
  return {
    psktype: "resumption",
    usage: proposal.usage,
    pskGroupId: fromHex(proposal.group_id),
    pskEpoch: BigInt(proposal.epoch),
    pskNonce,
  };
}

export const proposalKind = (proposal) =>
  typeof proposal.proposalType === "number" ? `custom ${proposal.proposalType}` : proposal.proposalType;
