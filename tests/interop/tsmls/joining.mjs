// Ways into a group other than creating one: Welcome, external commit, external proposals, branch and reinit.
import {
  branchGroup,
  joinGroup,
  joinGroupExternal,
  proposeAddExternal,
  proposeExternal,
  reinitCreateNewGroup,
} from "ts-mls";
import { ratchetTreeFromExtension } from "ts-mls/groupInfo.js";
import { keyPackageFor, makeKeyPackage, pskIndexOf } from "./clients.mjs";
import { enter } from "./groups.mjs";
import { clients, groups, take } from "./store.mjs";
import {
  PeerUsageError,
  decodeMessage,
  decodeProposal,
  decodeTree,
  encodeMessage,
  encodeTree,
  fromHex,
  toHex,
} from "./wire.mjs";

const keyPackageIn = (message) => decodeMessage(message, "mls_key_package").keyPackage;

export async function join({ client, welcome, tree, resuming }) {
  const owner = take(clients, client);
  const decoded = decodeMessage(welcome, "mls_welcome").welcome;
  const { publicPackage, privatePackage } = keyPackageFor(owner, decoded);
  const resumed = resuming == null ? undefined : take(groups, resuming).state;
  const state = await joinGroup(
    decoded,
    publicPackage,
    privatePackage,
    pskIndexOf(owner, resumed),
    owner.cipherSuite,
    tree == null ? undefined : decodeTree(tree),
    resumed,
    owner.config,
  );
  return { group: enter(owner, state) };
}

/** A resync without a former leaf would make ts-mls loop for ever. */
function mustHaveLeaf(info, beside, { signatureKeys }) {
  const key = toHex(signatureKeys.publicKey);
  const nodes = ratchetTreeFromExtension(info) ?? beside ?? [];
  if (!nodes.some((node) => node?.nodeType === "leaf" && toHex(node.leaf.signaturePublicKey) === key))
    throw new PeerUsageError("resync: no leaf of the group has this client's signature key");
}

export async function joinExternal({ client, group_info, tree, resync = false, aad = "" }) {
  const owner = take(clients, client);
  const info = decodeMessage(group_info, "mls_group_info").groupInfo;
  const beside = tree == null ? undefined : decodeTree(tree);
  if (resync) mustHaveLeaf(info, beside, owner);
  const { publicPackage, privatePackage } = await makeKeyPackage(owner);
  const made = await joinGroupExternal(
    info,
    publicPackage,
    privatePackage,
    resync,
    owner.cipherSuite,
    beside,
    owner.config,
    fromHex(aad),
  );
  const commit = encodeMessage({ wireformat: "mls_public_message", publicMessage: made.publicMessage });
  return { group: enter(owner, made.newState), commit };
}

/** RFC 9420 §12.1.8: an Add of oneself, from outside (new_member_proposal). */
export async function proposeSelf({ client, group_info, aad = "" }) {
  const owner = take(clients, client);
  const { publicPackage, privatePackage } = await makeKeyPackage(owner);
  const info = decodeMessage(group_info, "mls_group_info").groupInfo;
  const message = await proposeAddExternal(
    info,
    publicPackage,
    privatePackage,
    owner.cipherSuite,
    fromHex(aad),
  );
  return { message: encodeMessage(message) };
}

/** RFC 9420 §12.1.8.1: a proposal by a sender whom the external_senders extension names. */
export async function proposeAsExternalSender({ client, group_info, proposal, aad = "" }) {
  const { signatureKeys, cipherSuite } = take(clients, client);
  const message = await proposeExternal(
    decodeMessage(group_info, "mls_group_info").groupInfo,
    decodeProposal(proposal, cipherSuite),
    signatureKeys.publicKey,
    signatureKeys.signKey,
    cipherSuite,
    fromHex(aad),
  );
  return { message: encodeMessage(message) };
}

const started = (owner, { newState, welcome }) => ({
  group: enter(owner, newState),
  welcome: encodeMessage({ wireformat: "mls_welcome", welcome }),
  tree: encodeTree(newState.ratchetTree),
});

export async function branch({ group, group_id, key_packages }) {
  const { state, owner } = take(groups, group);
  const { publicPackage, privatePackage } = await makeKeyPackage(owner);
  const invited = key_packages.map(keyPackageIn);
  return started(
    owner,
    await branchGroup(state, publicPackage, privatePackage, invited, fromHex(group_id), owner.cipherSuite),
  );
}

/** The second half of a reinit: `client` has the new cipher suite, `group` is the one that was suspended. */
export async function reinitCreate({ group, client, key_packages }) {
  const { state } = take(groups, group);
  const owner = take(clients, client);
  if (state.groupActiveState.kind !== "suspendedPendingReinit")
    throw new PeerUsageError("no ReInit has been committed in this group");
  const { groupId, cipherSuite, extensions } = state.groupActiveState.reinit;
  const { publicPackage, privatePackage } = await makeKeyPackage(owner);
  const invited = key_packages.map(keyPackageIn);
  return started(
    owner,
    await reinitCreateNewGroup(
      state,
      publicPackage,
      privatePackage,
      invited,
      groupId,
      cipherSuite,
      extensions,
    ),
  );
}
