/* Python with NumPy in a Worker. Messages in: {call, request}, as companion.exercises.browser takes
   it; or {}, to get ready. Messages out, each with that call: {heard} at once; {loading: {done,
   total}}; {missing: sentence} if Python can't be started; {failed: sentence} if it stops later;
   what that module says; {idle} at the end. Nothing but the files of runtime.json is fetched, and
   each is compared with its SHA-256 before it is used. */
"use strict";

const STATIC = new URL("../", self.location);
const RUNTIME = new URL("vendor/pyodide/", STATIC);
const STORE = "exercise-runtime";
const KEPT = "Your text stays where it is.";
const fetchFromSite = self.fetch.bind(self);
const post = self.postMessage.bind(self); // kept from code that puts its own in its place
const held = new Map(); // address -> bytes: what Pyodide's own fetch gets
let manifest, check;
let isUsed = false; // a learner's code has run in this Python

class Refusal extends Error {} // its message is a sentence for the reader

self.fetch = async (address) => {
  const url = new URL(address.url ?? address, RUNTIME).href;
  if (!held.has(url)) throw new TypeError(`${url} is not part of the runtime`);
  const type = url.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
  return new Response(held.get(url), { headers: { "Content-Type": type } });
};

async function store() {
  try {
    return await caches.open(STORE);
  } catch {
    return null; // no such thing here, or forbidden: every page fetches anew
  }
}

async function arrived(name, at, options) {
  let answer = null;
  try {
    answer = await fetchFromSite(new URL(at, STATIC), options);
  } catch { /* no network, or not what integrity says */ }
  if (answer?.ok) return answer;
  const why = answer ? ` (${answer.status})` : "";
  throw new Refusal(`${name} did not arrive${why}. Are you offline? Press Check to try again. ${KEPT}`);
}

async function readAll(answer, name, report) {
  const pieces = [];
  try {
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      report(value.length);
    }
    return await new Blob(pieces).arrayBuffer();
  } catch { // the connection broke
    throw new Refusal(`${name} did not arrive in full. Are you offline? Press Check to try again. ${KEPT}`);
  }
}

/* What a file of the browser's store holds; null if it is not there, or can't be read. */
async function stored(kept, key) {
  try {
    const answer = await kept?.match(key);
    return answer ? await unpacked(await answer.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

/* What a file holds; null if it is damaged. */
async function unpacked(bytes) {
  const start = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (start[0] !== 0x1f || start[1] !== 0x8b) return bytes; // not compressed, or a server undid it
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return await new Response(stream).arrayBuffer();
  } catch {
    return null;
  }
}

async function matches(bytes, sha256) {
  if (!bytes) return false;
  if (!crypto.subtle) return true; // not https: the browser has compared `integrity` instead
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

/* One file: from the browser's store if it is there, else from the site. */
async function load(name, report) {
  const file = manifest.files[name];
  const key = new URL(`${file.at}?sha256=${file.sha256}`, STATIC).href;
  const kept = await store();
  const before = await stored(kept, key);
  if (await matches(before, file.sha256)) return report(file.bytes), before;
  const options = { cache: kept ? "reload" : "default" }; // two caches need not hold it
  if (!crypto.subtle) options.integrity = file.integrity;
  const sent = await readAll(await arrived(name, file.at, options), name, report);
  const bytes = await unpacked(sent);
  if (!(await matches(bytes, file.sha256))) {
    throw new Refusal(`${name} is not the file that was published with this book, so it is not run. ` +
      `Press Check to fetch it again; if that does not help, open the notebook. ${KEPT}`);
  }
  try {
    await kept?.put(key, new Response(sent));
  } catch { /* storage is full: it works all the same */ }
  return bytes;
}

async function loadAll(say) {
  const names = Object.keys(manifest.files);
  const total = names.reduce((sum, name) => sum + manifest.files[name].bytes, 0);
  let done = 0;
  const report = (bytes) => say({ loading: { done: (done += bytes), total } });
  const all = await Promise.all(names.map((name) => load(name, report)));
  names.forEach((name, number) => held.set(new URL(name, RUNTIME).href, all[number]));
}

async function forgetOtherVersions() {
  const kept = await store();
  const hashes = Object.values(manifest.files).map((file) => file.sha256);
  for (const request of (await kept?.keys()) ?? []) {
    if (!hashes.some((hash) => request.url.endsWith(hash))) await kept.delete(request);
  }
}

function runScript(name) {
  const address = URL.createObjectURL(new Blob([held.get(new URL(name, RUNTIME).href)]));
  importScripts(address);
  URL.revokeObjectURL(address);
}

async function start(say) {
  const answer = await arrived("runtime.json", "exercises/runtime.json", { cache: "no-cache" });
  const text = new TextDecoder().decode(await readAll(answer, "runtime.json", () => {}));
  try {
    manifest = JSON.parse(text);
    Object.entries(manifest.files); // throws where there are none
  } catch {
    throw new Refusal("runtime.json is not the file of this book: does your network ask you to log " +
      `in first, or did it send a page of its own? Open any other site, then press Check again. ${KEPT}`);
  }
  await loadAll(say);
  runScript("pyodide.asm.js");
  runScript("pyodide.js");
  const python = await self.loadPyodide({
    indexURL: RUNTIME.href, packages: ["numpy"], stdin: () => null, stdout() {}, stderr() {},
  });
  const archive = held.get(new URL("companion.zip", RUNTIME).href);
  python.unpackArchive(archive, "zip", { extractDir: "/lib/python3.12/site-packages" });
  held.clear();
  check = python.pyimport("companion.exercises.browser").check;
  forgetOtherVersions().catch(() => {});
}

function lastLine(error) {
  return String(error.message ?? error).trim().split("\n").at(-1).slice(0, 500);
}

let started = null;

self.onmessage = async ({ data }) => {
  // What the page asked carries a secret name, and so do the answers: code that is checked can send
  // messages as well, and none of them has it.
  const say = (message) => post({ ...message, call: data.call });
  say({ heard: true });
  try {
    await (started ??= start(say));
  } catch (error) {
    const known = error instanceof Refusal;
    return say({ missing: known ? error.message : `Python did not start: ${lastLine(error)}. Press Check ` +
      `to try again; if that does not help, open the page as a notebook. ${KEPT}` });
  }
  try {
    if (data.request) {
      check(JSON.stringify(data.request), (text) => {
        const message = JSON.parse(text);
        isUsed ||= "started" in message;
        say(message);
      });
    }
    say({ idle: true });
  } catch (error) {
    const last = lastLine(error);
    const said = /Aborted|ExitStatus|terminated with exit|unreachable/.test(last) ? "" : `: ${last}`;
    const why = isUsed ? "Your code has ended it, or changed a part of it." : "This is a fault of the " +
      "book, not of your answer: please report it. The notebook of this page may still check it.";
    say({ failed: `Python stopped${said}. ${why} ${KEPT}` });
  }
};
