// What a member does in a group. Every step computes a whole new state and stores it last: an error changes
// nothing.
import { createHash } from "node:crypto";
import {
  ciphersuites,
  createApplicationMessage,
  createCommit,
  createGroup,
  createGroupInfoWithExternalPub,
  createGroupInfoWithExternalPubAndRatchetTree,
  createProposal,
  encodeGroupState,
  mlsExporter,
  processPrivateMessage,
  processPublicMessage,
} from "ts-mls";
import { createGroupInfo } from "ts-mls/createCommit.js";
import { makeKeyPackage, pskIndexOf } from "./clients.mjs";
import { add, clients, groups, take } from "./store.mjs";
import { isOwnUpdate, makeUpdate, withOwnUpdate } from "./updates.mjs";
import {
  PeerUsageError,
  decodeExtensions,
  decodeMessage,
  decodeProposal,
  encodeExtensions,
  encodeMessage,
  encodeTree,
  fromHex,
  proposalKind,
  toHex,
} from "./wire.mjs";

export const enter = (owner, state) => add(groups, { owner, state, pending: undefined, updates: [] });

export async function create({ client, group_id, extensions = [] }) {
  const owner = take(clients, client);
  const { publicPackage, privatePackage } = await makeKeyPackage(owner);
  const state = await createGroup(
    fromHex(group_id),
    publicPackage,
    privatePackage,
    decodeExtensions(extensions),
    owner.cipherSuite,
    owner.config,
  );
  return { group: enter(owner, state) };
}

export async function propose({ group, proposal, public_message = true, aad = "" }) {
  const entry = take(groups, group);
  const { cipherSuite } = entry.owner;
  const update = proposal.kind === "update" ? await makeUpdate(entry, proposal) : undefined;
  const made = await createProposal(
    entry.state,
    public_message,
    update?.proposal ?? decodeProposal(proposal, cipherSuite),
    cipherSuite,
    fromHex(aad),
  );
  const ref = Object.keys(made.newState.unappliedProposals).find(
    (key) => !(key in entry.state.unappliedProposals),
  );
  const updates = update === undefined ? entry.updates : [...entry.updates, update.secrets];
  groups.set(group, { ...entry, state: made.newState, updates });
  return { message: encodeMessage(made.message), ref: ref === undefined ? null : base64ToHex(ref) };
}

const base64ToHex = (text) => Buffer.from(text, "base64").toString("hex");

/** ts-mls commits everything that is pending; so leave in the state only what this commit shall refer to. */
function referring({ state }, refs) {
  const pending = Object.entries(state.unappliedProposals);
  const missing = (refs ?? []).filter((ref) => !pending.some(([key]) => base64ToHex(key) === ref));
  if (missing.length > 0) throw new PeerUsageError(`no such pending proposal: ${missing.join(", ")}`);
  const chosen = pending.filter(([key, held]) =>
    refs == null ? !isOwnUpdate(state, held) : refs.includes(base64ToHex(key)),
  );
  return { ...state, unappliedProposals: Object.fromEntries(chosen) };
}

export async function commit({ group, by_value = [], refs = null, public_message = true, ...options }) {
  const { tree_in_welcome = true, merge = true, aad = "", group_info_extensions = [] } = options;
  const entry = take(groups, group);
  const { cipherSuite } = entry.owner;
  const made = await createCommit(
    { state: referring(entry, refs), pskIndex: pskIndexOf(entry.owner, entry.state), cipherSuite },
    {
      wireAsPublicMessage: public_message,
      extraProposals: by_value.map((proposal) => decodeProposal(proposal, cipherSuite)),
      ratchetTreeExtension: tree_in_welcome,
      authenticatedData: fromHex(aad),
      groupInfoExtensions: decodeExtensions(group_info_extensions),
    },
  );
  const merged = { ...entry, state: made.newState, pending: undefined, updates: [] };
  const info = await createGroupInfoWithExternalPubAndRatchetTree(made.newState, [], cipherSuite);
  groups.set(group, merge ? merged : { ...entry, pending: made.newState });
  return {
    commit: encodeMessage(made.commit),
    welcome: made.welcome ? encodeMessage({ wireformat: "mls_welcome", welcome: made.welcome }) : null,
    tree: encodeTree(made.newState.ratchetTree),
    group_info: encodeMessage({ wireformat: "mls_group_info", groupInfo: info }),
  };
}

export function mergePending({ group }) {
  const entry = take(groups, group);
  if (entry.pending === undefined) throw new PeerUsageError("there is no pending commit");
  groups.set(group, { ...entry, state: entry.pending, pending: undefined, updates: [] });
  return {};
}

export function dropPending({ group }) {
  const entry = take(groups, group);
  groups.set(group, { ...entry, pending: undefined });
  return { dropped: entry.pending !== undefined };
}

const receive = (state, message, owner, note) =>
  message.wireformat === "mls_public_message"
    ? processPublicMessage(state, message.publicMessage, pskIndexOf(owner, state), owner.cipherSuite, note)
    : processPrivateMessage(state, message.privateMessage, pskIndexOf(owner, state), owner.cipherSuite, note);

const described = ({ proposal, senderLeafIndex }) => ({
  kind: proposalKind(proposal),
  sender: senderLeafIndex ?? null,
});

/** Application message, proposal or commit, public or private; the commit of an Update of ours included. */
export async function processMessage({ group, message }) {
  const entry = take(groups, group);
  const { owner } = entry;
  const decoded = decodeMessage(message, "mls_public_message", "mls_private_message");
  const state = await withOwnUpdate(entry, (note) => receive(entry.state, decoded, owner, note));
  let seen;
  const step = await receive(state, decoded, owner, (incoming) => ((seen = incoming), "accept"));
  const settled = seen?.kind === "commit" ? { pending: undefined, updates: [] } : {};
  groups.set(group, { ...entry, ...settled, state: step.newState });
  const activity = step.newState.groupActiveState.kind;
  const aad = toHex(
    decoded.publicMessage?.content.authenticatedData ?? decoded.privateMessage.authenticatedData,
  );
  if (step.kind === "applicationMessage")
    return { kind: "application", activity, aad, data: toHex(step.message) };
  const about = seen.kind === "commit" ? seen.proposals : [seen.proposal];
  const sender = (seen.kind === "commit" ? seen : seen.proposal).senderLeafIndex ?? null;
  return { kind: seen.kind, activity, aad, sender, proposals: about.map(described) };
}

export async function send({ group, data, aad = "" }) {
  const entry = take(groups, group);
  const made = await createApplicationMessage(
    entry.state,
    fromHex(data),
    entry.owner.cipherSuite,
    fromHex(aad),
  );
  groups.set(group, { ...entry, state: made.newState });
  return {
    message: encodeMessage({ wireformat: "mls_private_message", privateMessage: made.privateMessage }),
  };
}

export async function groupInfo({ group, external_pub = true, tree = true, extensions = [] }) {
  const { state, owner } = take(groups, group);
  const [extra, cs] = [decodeExtensions(extensions), owner.cipherSuite];
  if (tree && !external_pub)
    throw new PeerUsageError("ts-mls makes no GroupInfo with a tree but without external_pub");
  const made = !external_pub
    ? await createGroupInfo(state.groupContext, state.confirmationTag, state, extra, cs)
    : await (tree ? createGroupInfoWithExternalPubAndRatchetTree : createGroupInfoWithExternalPub)(
        state,
        extra,
        cs,
      );
  return { group_info: encodeMessage({ wireformat: "mls_group_info", groupInfo: made }) };
}

export async function exporter({ group, label, context, length }) {
  const { state, owner } = take(groups, group);
  const { exporterSecret } = state.keySchedule;
  return {
    secret: toHex(await mlsExporter(exporterSecret, label, fromHex(context), length, owner.cipherSuite)),
  };
}

export function tree({ group }) {
  return { tree: encodeTree(take(groups, group).state.ratchetTree) };
}

function members(state) {
  return state.ratchetTree.flatMap((node, index) =>
    node?.nodeType !== "leaf"
      ? []
      : [
          {
            leaf: index / 2,
            identity: toHex(node.leaf.credential.identity ?? new Uint8Array()),
            signature_key: toHex(node.leaf.signaturePublicKey),
            encryption_key: toHex(node.leaf.hpkePublicKey),
            source: node.leaf.leafNodeSource,
          },
        ],
  );
}

export function describe({ group }) {
  const { state, pending } = take(groups, group);
  const context = state.groupContext;
  return {
    group_id: toHex(context.groupId),
    suite: ciphersuites[context.cipherSuite],
    epoch: Number(context.epoch),
    tree_hash: toHex(context.treeHash),
    confirmed_transcript_hash: toHex(context.confirmedTranscriptHash),
    extensions: encodeExtensions(context.extensions),
    epoch_authenticator: toHex(state.keySchedule.epochAuthenticator),
    resumption_psk: toHex(state.keySchedule.resumptionPsk),
    own_leaf: state.privatePath.leafIndex,
    members: members(state),
    activity: state.groupActiveState.kind,
    pending_proposals: Object.entries(state.unappliedProposals).map(([ref, held]) => ({
      ref: base64ToHex(ref),
      ...described(held),
    })),
    has_pending_commit: pending !== undefined,
    fingerprint: createHash("sha256").update(encodeGroupState(state)).digest("hex"),
  };
}

export function fork({ group }) {
  return { group: add(groups, take(groups, group)) };
}
