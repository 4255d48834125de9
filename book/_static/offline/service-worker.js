/* Keeps pages that were visited, so that they open without a network. With one, a page always comes
   from the site: what is kept is for when nothing arrives, or not within some seconds. The build
   writes this file, with its version, to the root of the site. The whole book is kept by offline.js;
   weights and Python are kept by what loads them, and are left alone here. */
"use strict";

const VERSION = "not built";
const ROOT = self.registration.scope;
const PREFIX = `book ${new URL(ROOT).pathname} `; // other books may be kept on the same host
const KEPT = `${ROOT}offline.json`; // in a cache: it has the whole book
const PATIENCE = 5000; // milliseconds
const LEFT_ALONE = /^(_static\/(live\/models\/[\w-]+-[0-9a-f]{8}\.\w+|vendor\/pyodide\/.*)|offline\.json|notebooks\/.*|.*\.(pdf|epub))$/;
const NOT_HERE = `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Not kept</title>
<body style="max-width: 40rem; margin: 3rem auto; padding: 0 1rem; font: 1.1rem/1.6 sans-serif">
<h1>This page is not here</h1><p>There is no connection, and this page was never opened in this browser.
Pages that were opened before are there. On the <a href="${ROOT}index.html">title page</a> all pages can be kept,
next time there is a connection.</p></body></html>`;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await others()) {
    const cache = await caches.open(name);
    if (!await cache.match(KEPT)) await caches.delete(name); // else offline.js brings the new version first
  }
  await self.clients.claim();
})()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const isOurs = request.method === "GET" && url.href.startsWith(ROOT);
  if (!isOurs || request.cache === "no-store" || request.headers.has("range")) return;
  if (LEFT_ALONE.test(url.href.slice(ROOT.length).split(/[?#]/)[0])) return;
  event.respondWith(answer(event, key(url)));
});

async function answer(event, address) {
  const arrives = fetch(event.request).then((response) => {
    if (response.ok && response.type === "basic" && !response.redirected) {
      event.waitUntil(keep(address, response.clone()));
    }
    return response;
  });
  const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE); });
  try {
    const first = await Promise.race([arrives, late]);
    if (first && first.status < 500) return first;
    return await kept(address) ?? await arrives;
  } catch {
    return await kept(address) ?? (event.request.mode === "navigate" ? notHere() : Response.error());
  }
}

/* Where a file is kept: its address without what is asked of it; a folder's is that of its page. */
function key({ origin, pathname }) {
  return origin + pathname + (pathname.endsWith("/") ? "index.html" : "");
}

async function keep(address, response) {
  try {
    await (await caches.open(PREFIX + VERSION)).put(address, response);
  } catch { /* storage is full or forbidden: then it is not kept */ }
}

async function kept(address) {
  for (const cacheName of [PREFIX + VERSION, ...await others()]) {
    const response = await caches.match(address, { cacheName });
    if (response) return response;
  }
  return null;
}

async function others() {
  return (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION);
}

function notHere() {
  return new Response(NOT_HERE, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
}
