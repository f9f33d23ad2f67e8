// The loader's side of mend.mjs. Each faulty text must be there exactly as often as told, else the library has changed.
const REPAIRS = {
  "/ts-mls/dist/src/clientState.js": {
    texts: [
      [1, "for (const parentIdx of dp) {", "for (const parentIdx of dp.slice(0, dp.indexOf(i))) {"],
      [
        1,
        "!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)",
        "!dpNode.parent.unmergedLeaves.includes(unmergedLeaf)",
      ],
    ],
    added: "",
  },
  "/ts-mls/dist/src/createCommit.js": {
    texts: [
      [2, "extensionData: externalPub }", "extensionData: asVector(externalPub) }"],
      [1, "exportSecret(externalPub.extensionData, cs)", "exportSecret(ofVector(externalPub.extensionData), cs)"],
    ],
    added: `
function asVector(data) {
  const head = data.length < 64 ? [data.length] : [0x40 | (data.length >> 8), data.length & 0xff];
  return new Uint8Array([...head, ...data]);
}
function ofVector(data) {
  return data.slice(data[0] < 64 ? 1 : 2);
}
`,
  },
};

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const file = Object.keys(REPAIRS).find((name) => url.endsWith(name));
  if (file === undefined) return loaded;
  let source = loaded.source.toString();
  for (const [count, fault, repair] of REPAIRS[file].texts) {
    if (source.split(fault).length !== count + 1)
      throw new Error(`ts-mls is not the version that mend.mjs knows: ${fault}`);
    source = source.replaceAll(fault, repair);
  }
  return { ...loaded, source: source + REPAIRS[file].added };
}
