// tus-js-client against the host's uploads. One scene a process; one JSON object on standard output.
//
//     node tus_peer.mjs SCENE ENDPOINT TICKET FILE

import { readFileSync } from "node:fs";
import { Upload } from "tus-js-client";

const [scene, endpoint, ticket, path] = process.argv.slice(2);
const data = readFileSync(path);
const CHUNK = 100_000;

/** Start an upload; settles when it ends. `each` is called after every chunk that the host has accepted. */
function run(options, each = () => {}) {
  return new Promise((resolve, reject) => {
    let blob = null;
    const upload = new Upload(data, {
      endpoint,
      headers: { "Aparte-Ticket": ticket },
      metadata: { filename: "a.jpg" },
      retryDelays: [0, 100, 200],
      onAfterResponse: (_request, response) => {
        blob = response.getHeader("Aparte-Blob") ?? blob;
      },
      onSuccess: () => resolve({ blob, url: upload.url }),
      onError: reject,
      onChunkComplete: (_size, accepted) => each(upload, accepted, resolve),
      ...options,
    });
    upload.start();
  });
}

async function resume() {
  const aborted = await run({ chunkSize: CHUNK }, (upload, accepted, stop) => {
    if (accepted >= 3 * CHUNK) upload.abort().then(() => stop({ url: upload.url }));
  });
  let resumedAt = null;
  const { blob } = await run({
    chunkSize: CHUNK,
    uploadUrl: aborted.url,
    onProgress: (sent) => {
      resumedAt ??= sent;
    },
  });
  return { blob, resumedAt };
}

async function terminate() {
  return run({ chunkSize: CHUNK }, (upload, accepted, stop) => {
    if (accepted >= 3 * CHUNK) upload.abort(true).then(() => stop({}));
  });
}

async function refused() {
  try {
    await run({ retryDelays: null });
  } catch (error) {
    return { status: error.originalResponse.getStatus() };
  }
  return { status: 0 };
}

const scenes = {
  whole: () => run({}),
  chunks: () => run({ chunkSize: CHUNK }),
  "with-creation": () => run({ chunkSize: CHUNK, uploadDataDuringCreation: true }),
  "by-post": () => run({ chunkSize: CHUNK, overridePatchMethod: true }),
  resume,
  terminate,
  refused,
};

process.stdout.write(JSON.stringify(await scenes[scene]()));
