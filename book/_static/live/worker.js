/* The Worker: models run here, so that the page stays awake. It gets {call, task, values} and answers
   {call, loaded, total} while files arrive, {call, piece} for each piece of a long task, and at last
   {call, result} or {call, error}. {stop: call} ends a task, also one that waits or loads. */

import { Engine } from "./engine.js";
import { TASKS } from "./tasks.js";
import { fetchFile, fetchManifest, fetchProgram } from "./weights.js";

const FOLDER = new URL("models/", import.meta.url).href;
const LARGE = 1e6; // bytes; smaller files show no progress
const TURN = 30; // milliseconds of work before other messages are heard
const stops = new Map(); // call -> AbortController, of all that wait and of the one that runs
let current = null; // the call that runs: files are loaded for it

const engine = new Engine({
  manifest: () => fetchManifest(FOLDER),
  read: (entry) => fetchFile(FOLDER, entry, (loaded) => {
    if (entry.bytes > LARGE) postMessage({ call: current, loaded, total: entry.bytes });
  }, stops.get(current)?.signal),
  program: async (entry) => (typeof WebAssembly === "object"
    ? fetchProgram(new URL("matvec.wasm", import.meta.url).href, entry) : null),
});

/* Gives messages a chance to arrive between two pieces: one of them may say "stop". */
const breathe = () => new Promise((resolve) => setTimeout(resolve));

async function run({ call, task, values }, signal) {
  signal.throwIfAborted();
  const answer = TASKS[task](engine, values);
  if (!answer[Symbol.asyncIterator]) return answer;
  let since = performance.now();
  for await (const piece of answer) {
    postMessage({ call, piece });
    if (performance.now() - since > TURN) {
      await breathe();
      since = performance.now();
    }
    signal.throwIfAborted();
  }
  return "done";
}

let last = Promise.resolve(); // one task after the other

onmessage = ({ data }) => {
  if (data.stop) {
    stops.get(data.stop)?.abort();
    return;
  }
  const stop = new AbortController();
  stops.set(data.call, stop);
  last = last.then(async () => {
    current = data.call;
    await breathe(); // the page may have asked for something newer
    try {
      postMessage({ call: data.call, result: await run(data, stop.signal) });
    } catch (error) {
      postMessage({ call: data.call, error: error.message });
    }
    stops.delete(data.call);
  });
};
