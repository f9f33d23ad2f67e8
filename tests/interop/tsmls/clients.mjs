// Clients: an identity, a signature key and a cipher suite each, with their key packages and external PSKs.
import {
  ciphersuites,
  credentialTypes,
  defaultCapabilities,
  defaultLifetime,
  generateKeyPackageWithKey,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  bytesToBase64,
} from "ts-mls";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { defaultClientConfig } from "ts-mls/clientConfig.js";
import { greaseCapabilities } from "ts-mls/grease.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { PeerUsageError, decodeExtensions, encodeMessage, fromHex, suiteName, toHex } from "./wire.mjs";
import { add, clients, groups, take } from "./store.mjs";

const NIST_CURVES = { P256: p256, P384: p384, P521: p521 };

/** ts-mls's keygen gives compressed points; RFC 9420 §5.1.1 wants UncompressedPointRepresentation. */
export async function generateSignatureKeys(cipherSuite) {
  const keys = await cipherSuite.signature.keygen();
  const curve = NIST_CURVES[getCiphersuiteFromName(cipherSuite.name).signature];
  return curve === undefined ? keys : { ...keys, publicKey: curve.getPublicKey(keys.signKey, false) };
}

/** How ts-mls holds a value of an open enumeration: its name, or the number as text. */
const nameIn = (names, id) => Object.keys(names).find((name) => names[name] === id) ?? String(id);

/** "default": ts-mls's own, with GREASE drawn by chance; "none": no GREASE; "all": every GREASE value. */
function capabilitiesFor({ grease = "none", suites, extensions = [], proposals = [], credentials = [1, 2] }) {
  if (grease === "default") return defaultCapabilities();
  const plain = {
    versions: ["mls10"],
    ciphersuites: suites?.map((id) => nameIn(ciphersuites, id)) ?? Object.keys(ciphersuites),
    extensions,
    proposals,
    credentials: credentials.map((id) => nameIn(credentialTypes, id)),
  };
  return grease === "all" ? greaseCapabilities({ probabilityPerGreaseValue: 2 }, plain) : plain;
}

export async function newClient({ suite, identity, capabilities = {}, padding = 256 }) {
  const cipherSuite = await getCiphersuiteImpl(getCiphersuiteFromName(suiteName(suite)));
  const client = {
    cipherSuite,
    config: { ...defaultClientConfig, paddingConfig: { kind: "padUntilLength", padUntilLength: padding } },
    credential: { credentialType: "basic", identity: fromHex(identity) },
    signatureKeys: await generateSignatureKeys(cipherSuite),
    capabilities: capabilitiesFor(capabilities),
    keyPackages: new Map(),
    psks: new Map(),
  };
  return {
    client: add(clients, client),
    suite: ciphersuites[cipherSuite.name],
    signature_key: toHex(client.signatureKeys.publicKey),
  };
}

export async function makeKeyPackage(client, { lifetime, extensions = [], leaf_extensions = [] } = {}) {
  const span = lifetime ? { notBefore: BigInt(lifetime[0]), notAfter: BigInt(lifetime[1]) } : defaultLifetime;
  const made = await generateKeyPackageWithKey(
    client.credential,
    client.capabilities,
    span,
    decodeExtensions(extensions),
    client.signatureKeys,
    client.cipherSuite,
    decodeExtensions(leaf_extensions),
  );
  const ref = toHex(await makeKeyPackageRef(made.publicPackage, client.cipherSuite.hash));
  client.keyPackages.set(ref, made);
  return { ref, ...made };
}

export async function keyPackage({ client, ...options }) {
  const { ref, publicPackage } = await makeKeyPackage(take(clients, client), options);
  return { ref, key_package: encodeMessage({ wireformat: "mls_key_package", keyPackage: publicPackage }) };
}

/** The key package of this client that a Welcome is for. */
export function keyPackageFor(client, welcome) {
  for (const { newMember } of welcome.secrets) {
    const own = client.keyPackages.get(toHex(newMember));
    if (own !== undefined) return own;
  }
  throw new PeerUsageError("the Welcome is for none of this client's key packages");
}

export function addPsk({ client, id, secret }) {
  take(clients, client).psks.set(bytesToBase64(fromHex(id)), fromHex(secret));
  return {};
}

export function dropPsk({ client, id }) {
  return { dropped: take(clients, client).psks.delete(bytesToBase64(fromHex(id))) };
}

/** ts-mls's own index knows one group; this one the client's PSKs, `state`, then its identity's groups. */
export function pskIndexOf(client, state) {
  const own = toHex(client.credential.identity);
  const mine = [...groups.values()].filter(({ owner }) => toHex(owner.credential.identity) === own);
  const states = [...(state === undefined ? [] : [state]), ...mine.map((entry) => entry.state)];
  return {
    findPsk(id) {
      if (id.psktype === "external") return client.psks.get(bytesToBase64(id.pskId));
      return states.map((held) => resumptionPsk(held, id)).find((secret) => secret !== undefined);
    },
  };
}

function resumptionPsk({ groupContext, keySchedule, historicalReceiverData }, { pskGroupId, pskEpoch }) {
  if (toHex(groupContext.groupId) !== toHex(pskGroupId)) return undefined;
  if (groupContext.epoch === pskEpoch) return keySchedule.resumptionPsk;
  return historicalReceiverData.get(pskEpoch)?.resumptionPsk;
}
