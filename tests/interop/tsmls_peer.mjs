// ts-mls as a long-running peer: one JSON request {id, method, params} per line on stdin, one response
// {id, result} or {id, error: {kind, message}} per line on stdout. Bytes are hex; clients and groups are named
// by handles.
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { ciphersuites } from "ts-mls";
import { addPsk, dropPsk, keyPackage, newClient } from "./tsmls/clients.mjs";
import * as groups from "./tsmls/groups.mjs";
import * as joining from "./tsmls/joining.mjs";
import { PeerUsageError } from "./tsmls/wire.mjs";

const library = JSON.parse(
  readFileSync(new URL("./node_modules/ts-mls/package.json", import.meta.url), "utf8"),
);

const METHODS = {
  hello: () => ({ library: `ts-mls ${library.version}`, node: process.version, suites: ciphersuites }),
  "client.new": newClient,
  "client.key_package": keyPackage,
  "client.add_psk": addPsk,
  "client.drop_psk": dropPsk,
  "client.propose_self": joining.proposeSelf,
  "client.propose_as_external_sender": joining.proposeAsExternalSender,
  "group.create": groups.create,
  "group.join": joining.join,
  "group.join_external": joining.joinExternal,
  "group.branch": joining.branch,
  "group.reinit_create": joining.reinitCreate,
  "group.propose": groups.propose,
  "group.commit": groups.commit,
  "group.merge_pending": groups.mergePending,
  "group.drop_pending": groups.dropPending,
  "group.process": groups.processMessage,
  "group.send": groups.send,
  "group.group_info": groups.groupInfo,
  "group.exporter": groups.exporter,
  "group.tree": groups.tree,
  "group.describe": groups.describe,
  "group.fork": groups.fork,
};

async function answer(line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    id = request.id;
    const method = METHODS[request.method];
    if (method === undefined) throw new PeerUsageError(`no such method: ${request.method}`);
    return { id, result: await method(request.params ?? {}) };
  } catch (error) {
    return { id, error: { kind: error.name ?? "Error", message: error.message ?? String(error) } };
  }
}

// One request at a time: two steps of one group must not start from the same state.
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (line.trim() !== "") process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
