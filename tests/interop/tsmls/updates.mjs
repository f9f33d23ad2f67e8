// Update proposals (RFC 9420 §12.1.2). ts-mls decodes and applies them but has no call that makes one, and
// forgets that the proposer needs the new private key when somebody commits it; both are done here, with its
// own parts.
import { signLeafNodeCommit as signLeafNode } from "ts-mls/leafNode.js";
import { updateLeafKey } from "ts-mls/privateKeyPath.js";
import { generateSignatureKeys } from "./clients.mjs";
import { toHex } from "./wire.mjs";

const ownLeaf = (state) => state.ratchetTree[2 * state.privatePath.leafIndex].leaf;

export async function makeUpdate({ state, owner }, { new_signature_key = false }) {
  const cs = owner.cipherSuite;
  const keys = await cs.hpke.generateKeyPair();
  const signature = new_signature_key ? await generateSignatureKeys(cs) : undefined;
  const { extensions, capabilities, credential, signaturePublicKey } = ownLeaf(state);
  const signKey = signature?.signKey ?? state.signaturePrivateKey;
  const unsigned = {
    leafNodeSource: "update",
    hpkePublicKey: await cs.hpke.exportPublicKey(keys.publicKey),
    signaturePublicKey: signature?.publicKey ?? signaturePublicKey,
    extensions,
    capabilities,
    credential,
    groupId: state.groupContext.groupId,
    leafIndex: state.privatePath.leafIndex,
  };
  const leafNode = await signLeafNode(unsigned, signKey, cs.signature);
  return {
    proposal: { proposalType: "update", update: { leafNode } },
    secrets: {
      publicKey: toHex(leafNode.hpkePublicKey),
      privateKey: await cs.hpke.exportPrivateKey(keys.privateKey),
      signKey,
    },
  };
}

export const isOwnUpdate = (state, { proposal, senderLeafIndex }) =>
  proposal.proposalType === "update" && senderLeafIndex === state.privatePath.leafIndex;

/** The state to process a message with: it has our leaf's new key if the message commits an Update of ours. */
export async function withOwnUpdate({ state, updates }, rehearse) {
  if (updates.length === 0) return state;
  let seen;
  await rehearse((incoming) => ((seen = incoming), "reject"));
  const own = seen?.kind === "commit" ? seen.proposals.find((held) => isOwnUpdate(state, held)) : undefined;
  if (own === undefined) return state;
  const key = toHex(own.proposal.update.leafNode.hpkePublicKey);
  const { privateKey, signKey } = updates.find(({ publicKey }) => publicKey === key);
  return {
    ...state,
    privatePath: updateLeafKey(state.privatePath, privateKey),
    signaturePrivateKey: signKey,
  };
}
