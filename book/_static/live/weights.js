/* Fetches the files of the models: with progress, checked by SHA-256, kept for the next page.

   The manifest lists each file with its size and its hash. A file that does not arrive whole, or is
   another one, is refused in words, and is not kept. Where the browser keeps nothing (private mode,
   storage full), everything works, and the next page loads the file again. */

const CACHE = "live-models";

/* Args: folder, the address of the models' folder with a slash at its end; signal, an AbortSignal.
   Returns: the manifest. */
export async function fetchManifest(folder, signal) {
  const response = await request(folder + "manifest.json", { cache: "no-cache", signal });
  try {
    return await response.json();
  } catch {
    signal?.throwIfAborted();
    throw new Error("Another page arrived in place of the list of models: often the network wants a sign-in first. "
      + "Open any other site, sign in there, and try again.");
  }
}

/* Args: folder; entry, what the manifest says of a file: {file, bytes, sha256}; report, called with
   the number of bytes that have arrived; signal, an AbortSignal that ends the loading.
   Returns: an ArrayBuffer with the file, unpacked if it was packed. */
export async function fetchFile(folder, entry, report = () => {}, signal = undefined) {
  const url = folder + entry.file;
  const kept = await fromCache(url, entry);
  const bytes = kept ?? await arrive(url, entry, report, signal);
  if (!kept) await keep(url, bytes);
  report(entry.bytes);
  return unpacked(bytes);
}

/* Args: url, the address of matvec.wasm; entry, its {bytes, sha256} in the manifest.
   Returns: an ArrayBuffer, or null where the program is missing or another one: all works without it. */
export async function fetchProgram(url, entry) {
  try {
    const bytes = new Uint8Array(await (await request(url, { cache: "no-cache" })).arrayBuffer());
    return bytes.length === entry.bytes && await isRight(bytes, entry) ? bytes.buffer : null;
  } catch {
    return null;
  }
}

async function request(url, options = {}) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    options.signal?.throwIfAborted();
    throw new Error("What is needed did not arrive. Is there a connection? Then try again.");
  }
  if (!response.ok) {
    throw new Error(`What is needed did not arrive: the site answered ${response.status}. Try again later.`);
  }
  return response;
}

async function arrive(url, entry, report, signal) {
  const response = await request(url, { signal });
  const bytes = new Uint8Array(entry.bytes);
  let length = 0;
  try {
    for (const reader = response.body.getReader();;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (length + value.length <= bytes.length) bytes.set(value, length);
      length += value.length;
      report(Math.min(length, bytes.length));
    }
  } catch {
    signal?.throwIfAborted();
    throw new Error("The connection broke while a file was loading. Try again.");
  }
  if (length !== bytes.length || !await isRight(bytes, entry)) {
    throw new Error("What arrived is not the file of this book. Reload the page and try again.");
  }
  return bytes;
}

/* Whether the bytes have the hash that the manifest says. A page that did not come over HTTPS cannot
   compute it; there the length has to do. */
async function isRight(bytes, entry) {
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hexadecimal = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hexadecimal === entry.sha256;
}

async function fromCache(url, entry) {
  try {
    const cache = await caches.open(CACHE);
    const response = await cache.match(url);
    if (!response) return null;
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === entry.bytes && await isRight(bytes, entry)) return bytes;
    await cache.delete(url);
  } catch { /* no storage here */ }
  return null;
}

/* Keeps a file, and drops older ones of the same name: "base-int8-402d6da9.bin". */
async function keep(url, bytes) {
  try {
    const cache = await caches.open(CACHE);
    const stem = url.slice(0, url.lastIndexOf("-") + 1);
    for (const { url: other } of await cache.keys()) {
      if (other.startsWith(stem)) await cache.delete(other);
    }
    await cache.put(url, new Response(bytes));
  } catch { /* storage is full or forbidden: the next page loads it again */ }
}

/* The content of a gzip file; another file as it is. */
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.buffer;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
