/* The book without a network. Pages that are visited are kept by service-worker.js; here is the button
   that keeps all of them, with the pocket models and Python. Nothing happens on file:// and on plain
   http, where browsers have no Service Workers, and nobody but this site is asked. */
import { button, element } from "../elements.js";
import { BYTES } from "./build.js";
import { fetchFile } from "../live/weights.js";

const ROOT = new URL("../../", import.meta.url);
const PREFIX = `book ${ROOT.pathname} `;
const LIST = new URL("offline.json", ROOT).href; // in a cache: it has the whole book
const MODELS = new URL("_static/live/models/", ROOT).href;
const AT_ONCE = 6; // files on their way
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

class Sentence extends Error {} // for the reader

/* The caches of this book: [name, the list of a whole book or null]. */
async function books() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  return Promise.all(names.map(async (name) => {
    const list = await (await caches.open(name)).match(LIST);
    return [name, list ? await list.json() : null];
  }));
}

async function sent(url, signal) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", signal });
  } catch {
    signal?.throwIfAborted();
    throw new Sentence("The connection broke. What has arrived stays; press again to go on.");
  }
  if (!response.ok) throw new Sentence(`The site answered ${response.status}. Try again later.`);
  return response;
}

async function hash(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* Keeps one file. One that is there already, in this version's cache or in an older one, is not sent. */
async function keep({ path, bytes, sha256, store, key }, name, older, signal) {
  if (store === "live-models") {
    await fetchFile(MODELS, { file: path.split("/").at(-1), bytes, sha256 }, () => {}, signal);
    return;
  }
  signal?.throwIfAborted();
  const cache = await caches.open(store ?? name);
  const address = new URL(key ?? path, ROOT).href;
  const places = store ? [cache] : [cache, ...older];
  for (const place of places) {
    const there = await place.match(address);
    if (!there || await hash(await there.clone().arrayBuffer()) !== sha256) continue;
    if (place !== cache) await cache.put(address, there);
    return;
  }
  const response = await sent(new URL(path, ROOT), signal);
  const content = await response.arrayBuffer().catch(() => {
    signal?.throwIfAborted();
    throw new Sentence("The connection broke. What has arrived stays; press again to go on.");
  });
  if (await hash(content) !== sha256) {
    throw new Sentence("The book on the site has changed meanwhile. Reload the page and press again.");
  }
  await cache.put(address, new Response(content, { headers: { "Content-Type": response.headers.get("Content-Type") } }));
}

/* Keeps the whole book, and forgets older versions of it. */
async function keepAll(report, signal) {
  const answer = await sent(LIST, signal);
  const list = await answer.clone().json().catch(() => {
    throw new Sentence("Another page arrived in place of the list: does the network want a sign-in first?");
  });
  const { quota, usage } = await navigator.storage?.estimate?.() ?? {};
  if (quota && quota - usage < list.bytes) {
    throw new Sentence(`This browser has room for ${megabytes(quota - usage)} only, and the book has ${megabytes(list.bytes)}.`);
  }
  const name = PREFIX + list.version;
  const older = (await books()).filter(([other]) => other !== name);
  const olderCaches = await Promise.all(older.map(([other]) => caches.open(other)));
  const waiting = [...list.files];
  let done = 0, isOver = false; // others may be on their way when one fails
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      await keep(file, name, olderCaches, signal).catch((error) => {
        isOver = true;
        waiting.length = 0;
        throw error.name === "QuotaExceededError"
          ? new Sentence("There is no room left in this browser. Nothing more is kept.") : error;
      });
      done += file.bytes;
      if (!isOver) report(done, list.bytes);
    }
  }));
  await (await caches.open(name)).put(LIST, answer);
  for (const [other] of older) await caches.delete(other);
}

async function forget() {
  for (const [name] of await books()) await caches.delete(name);
  for (const name of ["live-models", "exercise-runtime"]) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      if (request.url.startsWith(ROOT.href)) await cache.delete(request);
    }
  }
}

/* The button, what it says, and how far it is. */
async function show(place) {
  const words = element("p", { role: "status", class: "keep-status" });
  const buttons = element("p", { class: "keep-buttons" });
  const offer = (text) => {
    words.textContent = text;
    buttons.replaceChildren(button(`Keep this book offline (${megabytes(BYTES)})`, start));
  };
  const isKept = () => {
    words.textContent = "The whole book is kept in this browser: pages, pocket models and exercises.";
    buttons.replaceChildren(button("Remove it", async () => {
      await forget();
      offer("It is removed.");
    }));
  };
  async function start() {
    const stop = new AbortController();
    buttons.replaceChildren(button("Stop", () => stop.abort(new Sentence("Stopped. What has arrived stays."))));
    words.textContent = "Loading ...";
    navigator.storage?.persist?.().catch(() => {}); // asked for, not needed
    let shown = 0;
    try {
      await keepAll((done, all) => {
        const percent = Math.floor(100 * done / all);
        if (percent >= shown + 5 || done === all) {
          shown = percent;
          words.textContent = `Loading: ${megabytes(done)} of ${megabytes(all)}`;
        }
      }, stop.signal);
      isKept();
    } catch (error) {
      offer(error instanceof Sentence ? error.message : `This did not work: ${error.message}`);
    }
    buttons.querySelector("button").focus({ preventScroll: true });
  }
  place.append(words, buttons);
  if ((await books()).some(([, list]) => list)) isKept();
  else offer("");
}

/* A book that is kept follows the site: what has changed is brought while the page is read. */
async function follow() {
  const whole = (await books()).filter(([, list]) => list);
  if (!whole.length || !navigator.onLine) return;
  const { version } = await (await sent(LIST)).json();
  if (!whole.some(([, list]) => list.version === version)) await keepAll(() => {});
}

async function begin() {
  const place = document.querySelector(".keep-offline");
  const isSite = location.protocol !== "file:" && "serviceWorker" in navigator && "caches" in window;
  if (!isSite) return;
  document.head.append(element("link", { rel: "manifest", href: new URL("manifest.webmanifest", ROOT).href }));
  try {
    await navigator.serviceWorker.register(new URL("service-worker.js", ROOT), { scope: ROOT.pathname });
    if (place) await show(place);
    await follow();
  } catch { /* a private window, or no network: the page works all the same */ }
}

begin();
