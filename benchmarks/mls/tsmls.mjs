// ts-mls for the benchmark: one request {op, ...} per line on stdin, one answer per line on stdout.
// Times are seconds of CPU (user and system, all threads of this process) and wall, measured around the calls.
import { createInterface } from "node:readline";

const library = new URL("../../tests/interop/node_modules/ts-mls/dist/src/index.js", import.meta.url);
const M = await import(library);
const SUITE = "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519";
const impl = await M.getCiphersuiteImpl(M.getCiphersuiteFromName(SUITE));
const utf8 = (text) => new TextEncoder().encode(text);
const PRIVATE = { wireformat: "mls_private_message", version: "mls10" };
let pair, cast, nextJoiner = 0, nextGroup = 0;

async function timed(work) {
  const cpu = process.cpuUsage(), wall = performance.now();
  const result = await work();
  const used = process.cpuUsage(cpu);
  return [{ cpu: (used.user + used.system) / 1e6, wall: (performance.now() - wall) / 1e3 }, result];
}

const member = (name) => {
  const credential = { credentialType: "basic", identity: utf8(name) };
  return M.generateKeyPackage(credential, M.defaultCapabilities(), M.defaultLifetime, [], impl);
};

async function add(creator, members) {
  const id = utf8(`group-${nextGroup++}`);
  const state = await M.createGroup(id, creator.publicPackage, creator.privatePackage, [], impl);
  const extraProposals = members.map(({ publicPackage }) => ({
    proposalType: "add",
    add: { keyPackage: publicPackage },
  }));
  const made = await M.createCommit({ state, cipherSuite: impl }, { extraProposals, ratchetTreeExtension: true });
  return { group: made.newState, welcome: made.welcome };
}

const join = (welcome, joiner) =>
  M.joinGroup(welcome, joiner.publicPackage, joiner.privatePackage, M.emptyPskIndex, impl);

async function receive(state, bytes) {
  const message = M.decodeMlsMessage(bytes, 0)[0];
  const done =
    message.wireformat === "mls_private_message"
      ? await M.processPrivateMessage(state, message.privateMessage, M.emptyPskIndex, impl)
      : await M.processPublicMessage(state, message.publicMessage, M.emptyPskIndex, impl);
  return done.newState;
}

async function prepare({ members }) {
  const creator = await member("creator"), other = await member("other");
  const { group, welcome } = await add(creator, [other]);
  pair = { sender: group, receiver: await join(welcome, other) };
  const joiners = [];
  for (let i = 0; i < members; i++) joiners.push(await member(`member-${i}`));
  cast = { creator, joiners };
  return { node: process.version };
}

async function messages({ count }) {
  const data = new Uint8Array(1024).map((_, i) => i & 255);
  const [protect, sent] = await timed(async () => {
    const encoded = [];
    for (let i = 0; i < count; i++) {
      const made = await M.createApplicationMessage(pair.sender, data, impl);
      pair.sender = made.newState;
      encoded.push(M.encodeMlsMessage({ ...PRIVATE, privateMessage: made.privateMessage }));
    }
    return encoded;
  });
  const [unprotect] = await timed(async () => {
    for (const message of sent) pair.receiver = await receive(pair.receiver, message);
  });
  return { protect, unprotect };
}

async function bulk() {
  const joiner = cast.joiners[nextJoiner++];
  const [added, { group, welcome }] = await timed(() => add(cast.creator, cast.joiners));
  const [joined, state] = await timed(() => join(welcome, joiner));
  const [committed, made] = await timed(() => M.createCommit({ state: group, cipherSuite: impl }, {}));
  const encoded = M.encodeMlsMessage(made.commit);
  const [processed] = await timed(() => receive(state, encoded));
  return { add: added, join: joined, commit: committed, process: processed };
}

const OPERATIONS = { prepare, messages, bulk };
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...parameters } = JSON.parse(line);
  let answer;
  try {
    answer = await OPERATIONS[op](parameters);
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
