/* The page's side of the Worker: one Worker for all widgets of a page, started when first needed. */

const calls = new Map(); // number -> {onPiece, onProgress, resolve, reject}
let worker = null;
let count = 0;

/* Asks the engine.

   Args: task, a name of tasks.js; values, what it takes; onPiece, called with each piece of a long
   task; onProgress, called with (bytes loaded, bytes in all); signal, an AbortSignal that stops it,
   also while files are loaded and if it was given long before.
   Returns: a Promise of the result. It fails with an Error in words, or with the signal's reason. */
export function ask(task, values, { onPiece, onProgress, signal } = {}) {
  const call = ++count;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => {
      if (calls.delete(call)) worker?.postMessage({ stop: call });
      reject(signal.reason);
    }, { once: true });
    calls.set(call, { onPiece, onProgress, resolve, reject });
    try {
      started().postMessage({ call, task, values });
    } catch (error) {
      calls.delete(call);
      reject(error);
    }
  });
}

function started() {
  if (worker) return worker;
  try {
    worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  } catch {
    throw new Error(
      "This browser does not let the page run a model. Open the book with http, or in another browser.");
  }
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = (event) => {
    event.preventDefault();
    fail("The model could not be started. Reload the page, or open it in another browser.");
  };
  // A browser keeps some pages that were left, for the way back, and with them 50 MB for each model.
  addEventListener("pagehide", () => worker && fail("The page was left before the end. Start again."), { once: true });
  return worker;
}

function receive({ call, piece, loaded, total, result, error }) {
  const open = calls.get(call);
  if (!open) return;
  if (piece !== undefined) open.onPiece?.(piece);
  else if (loaded !== undefined) open.onProgress?.(loaded, total);
  else {
    calls.delete(call);
    if (error !== undefined) open.reject(new Error(error));
    else open.resolve(result);
  }
}

/* All that wait hear of it, and the next one starts a new Worker. */
function fail(message) {
  worker.terminate();
  worker = null;
  for (const { reject } of calls.values()) reject(new Error(message));
  calls.clear();
}
