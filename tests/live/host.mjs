/* Runs the page's modules in node, for the tests. It reads a line of JSON {task, values} and writes a
   line {result} or {error}, again and again. argv: the folder of the modules, that of the models. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [code, models] = process.argv.slice(2).map((path) => pathToFileURL(path + "/"));
const load = (name) => import(new URL(name, code));
const { bestKernel, Engine } = await load("engine.js");
const { TASKS, conversationIds } = await load("tasks.js");
const { plainKernel, simdKernel } = await load("kernel.js");
const { logSoftmax } = await load("llama.js");
const { partsAfter } = await load("tokenizer.js");
const sampling = await load("sampling.js");
const { settledLength } = await load("decoding.js");
const { Random } = await load("random.js");
const { absmax, nf4, problem, relativeError } = await load("quantization.js");
const memory = await load("memory.js");
const losses = await load("losses.js");
const { BM25, ENGLISH } = await load("bm25.js");
const { fetchFile, fetchManifest, fetchProgram } = await load("weights.js");
const { readTensors } = await load("safetensors.js");
const { counted, sized } = await load("view.js");
const arithmetic = await load("arithmetic.js");
const calls = await load("tool_calls.js");
const { trained } = await load("widgets/lora.js");
const { prompts } = await load("widgets/reasoning.js");
const formats = await load("floats.js");
const chunking = await load("chunking.js");
const copies = await load("near_copies.js");
const attention = await load("masks.js");
const caches = await load("caches.js");
const { redact } = await load("redaction.js");
const { groundedPrompt } = await load("grounding.js");
const plane = await load("plane.js");
const { respond } = await load("json_rpc.js");
const { REQUESTS, pretty } = await load("widgets/mcp.js");
const { QUESTIONS } = await load("widgets/guide.js");
const { smallestCard } = await load("widgets/sizes.js");
const { trainingBytes } = await load("widgets/training_memory.js");
const { rankMemory } = await load("ranks.js");
const images = await load("image_tokens.js");
const { compared } = await load("widgets/interval.js");
const intervals = await load("intervals.js");
const tries = await load("pass_at_k.js");
const stores = await load("stores.js");
const scheduling = await load("scheduling.js");
const { stepSuccess } = await load("widgets/steps.js");
const schemas = await load("schema_prefix.js");
const { textPieces } = await load("constrained.js");
const templates = await load("templates.js");
const { cite, valuesOf } = await load("widgets/chain.js");
const stations = await load("stations.js");
const vectors = await load("vectors.js");

function engineWith(program) {
  return new Engine({
    manifest: async () => JSON.parse(await readFile(new URL("manifest.json", models))),
    read: async ({ file }) => {
      const bytes = await readFile(new URL(file, models));
      if (bytes[0] !== 0x1f) return new Uint8Array(bytes).buffer;
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return new Response(stream).arrayBuffer();
    },
    program,
  });
}

const matvec = () => readFile(new URL("matvec.wasm", code));
const engines = { simd: engineWith(matvec), plain: engineWith(async () => null) };

const floats = (logits) => Float32Array.from(logits, (logit) => logit ?? -Infinity);

async function stored(name) {
  const manifest = JSON.parse(await readFile(new URL("manifest.json", models)));
  return JSON.parse(await readFile(new URL(manifest[name].file, models)));
}

const passages = () => stored("passages");

/* A stand-in for the browser's Cache API. `kept`: "nothing" goes wrong; what is kept is "changed"
   afterwards; or the storage is "full". */
function storage(kept) {
  const files = new Map();
  const cache = {
    match: async (url) => (files.has(url) ? new Response(files.get(url)) : undefined),
    keys: async () => [...files.keys()].map((url) => ({ url })),
    delete: async (url) => files.delete(url),
    put: async (url, response) => {
      if (kept === "full") throw new DOMException("full", "QuotaExceededError");
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (kept === "changed") bytes[0] ^= 1;
      files.set(url, bytes);
    },
  };
  return { open: async () => cache };
}

const TESTS = {
  fetch: async ({ folder, entry }) => (await fetchFile(folder, entry)).byteLength,
  fetchTwice: async ({ folder, entry, kept }) => {
    const plain = globalThis.fetch;
    let requests = 0;
    globalThis.fetch = (...rest) => (requests++, plain(...rest));
    globalThis.caches = storage(kept);
    await fetchFile(folder, entry);
    const bytes = (await fetchFile(folder, entry)).byteLength;
    globalThis.fetch = plain;
    delete globalThis.caches;
    return { requests, bytes };
  },
  program: async ({ url, entry }) => (await fetchProgram(url, entry))?.byteLength ?? null,
  kernel: async ({ bytes }) => (await bestKernel(Uint8Array.from(bytes).buffer, 64)).name,
  manifest: ({ folder }) => fetchManifest(folder),
  stopLoading: async () => { // the site sends one byte, and never another
    const server = createServer((request, response) => response.write("x"));
    const ended = new Promise((resolve) => {
      server.on("request", (request, response) => response.on("close", () => resolve(true)));
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const stop = new AbortController();
    const folder = `http://127.0.0.1:${server.address().port}/`;
    const report = () => stop.abort(new Error("Stopped."));
    const { message } = await fetchFile(folder, { file: "a", bytes: 9 }, report, stop.signal).catch((error) => error);
    const isEnded = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000, false))]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return { message, isEnded };
  },
  tensors: ({ bytes }) => [...readTensors(Uint8Array.from(bytes).buffer).keys()],
  steps: ({ text, joins }) =>
    Array.from({ length: joins.length + 1 }, (_, count) => partsAfter(text, joins, count)),
  settled: ({ text, stop }) => settledLength(text, stop),
  absmax: ({ values, bits, size }) => absmax(values, bits, size),
  nf4: ({ values, size }) => nf4(values, size),
  wrong: ({ values }) => problem(values),
  error: ({ values, restored }) => relativeError(values, restored),
  shapes: () => memory.SHAPES,
  memory: ({ name, format, ...settings }) => [memory.weightBytes(name, format),
    memory.cacheBytes(name, settings), memory.activationBytes(name, settings)],
  prompts: ({ question, shown }) => Object.values(prompts(question, shown)),
  lora: ({ name, targets, rank }) => trained(name, targets, rank),
  clip: ({ ratio, advantage, range }) => losses.clippedGain(ratio, advantage, range),
  dpo: ({ chosen, rejected, beta }) => losses.dpoLoss(chosen, rejected, beta),
  encodeFloat: ({ number, format }) => {
    const { value, sign, exponent, mantissa } = formats.encode(number, formats.FORMATS[format]);
    return { value: String(value), bits: sign + exponent + mantissa };
  },
  largestFloat: ({ format }) => formats.largest(formats.FORMATS[format]),
  chunks: ({ text, way, ...settings }) => chunking.chunksOf(text,
    (way === "windows" ? chunking.cutWindows : chunking.cutRecursively)(text, settings)),
  shingles: ({ text }) => [...copies.shingles(text)],
  similarity: ({ one, two }) => copies.jaccard(copies.shingles(one), copies.shingles(two)).share,
  minima: ({ text }) => copies.signature(copies.shingles(text)),
  sized: ({ bytes, step }) => sized(bytes, { step }),
  counted: ({ count, noun }) => counted(count, noun),
  between: ({ ends, unit, digits }) => stores.between(ends, unit, digits),
  compared: ({ one, two }) => copies.compare(one, two),
  hash: ({ text }) => copies.hash32(text),
  mask: ({ length, window }) => attention.mask(length, window),
  alibi: ({ length, head, heads }) => attention.alibiWeights(length, attention.slope(head, heads)),
  reached: ({ length, window, layers }) => attention.reached(length, window, layers),
  caches: ({ tokens }) => Object.fromEntries(Object.entries(caches.MODELS).map(([name, model]) =>
    [name, [caches.tokenBytes(model), caches.textBytes(model, tokens)]])),
  redact: ({ text }) => redact(text),
  grounded: ({ question, passages }) => groundedPrompt(question, passages),
  english: () => ENGLISH,
  plane: ({ asked, probes }) => plane.search(asked, probes),
  requests: () => REQUESTS,
  respond: async ({ text }) => {
    const box = calls.toolbox(await stored("weather"));
    return pretty(respond(text, box));
  },
  guide: () => QUESTIONS,
  card: ({ gigabytes }) => smallestCard(gigabytes),
  training: ({ name, rank, rest }) => trainingBytes(name, { rank, rest }),
  ranks: ({ name, ...settings }) => rankMemory(name, settings),
  imageTokens: ({ width, height }) =>
    [images.tileTokens(width, height), images.squareTokens(width, height), images.resized(width, height)],
  wilson: ({ right, total }) => intervals.wilson(right, total),
  gain: ({ counts }) => intervals.gain(counts),
  sized: ({ bytes, step }) => sized(bytes, { step }),
  counted: ({ count, noun }) => counted(count, noun),
  between: ({ ends, unit, digits }) => stores.between(ends, unit, digits),
  systems: ({ counts }) => compared(counts),
  mcnemar: ({ lost, won }) => intervals.mcnemar(lost, won),
  passAtK: ({ n, c, k }) => [tries.passAtK(n, c, k), tries.shortcut(n, c, k)],
  plan: ({ kind, quantity, target, sizes }) => stores.plan(sizes, kind, quantity, target),
  schedule: ({ lengths, slots, isContinuous }) => scheduling.schedule(lengths, slots, isContinuous),
  stepSuccess: ({ p, retries, noticed }) => stepSuccess(p, retries, noticed),
  isPrefix: ({ schema, texts }) => texts.map((text) => schemas.isPrefix(schema, schemas.utf8(text))),
  allowed: async ({ schema, text }) => {
    const { tokenizer, eos } = await engines.simd.model("chat", "float16");
    return schemas.allowedTokens(schema, schemas.utf8(text), textPieces(tokenizer, eos), eos);
  },
  schemaProblem: ({ schema }) => schemas.problem(schema),
  filled: ({ template, values }) => templates.fill(template, new Map(Object.entries(values))),
  comparedValues: ({ template, values }) => templates.compare(template, new Map(Object.entries(values))),
  valuesOf: ({ text }) => Object.fromEntries(valuesOf(text)),
  cite: ({ text }) => cite(text),
  nearest: ({ vectors: text, count, at, k }) => vectors.nearest(vectors.unpack(text, count), at, k),
  station: ({ turn, ...settings }) => stations.check(turn, settings),
  preference: ({ chosen, rejected }) => losses.bradleyTerry(chosen, rejected),
  bestOf: ({ rewards, n }) => [losses.bestOf(rewards, n), losses.bestOfDivergence(n)],
  declaration: async () => calls.declaration(calls.toolbox(await stored("weather"))),
  calculate: ({ texts }) => texts.map((text) => {
    try {
      return String(arithmetic.calculate(text));
    } catch (error) {
      return error.message;
    }
  }),
  call: async ({ written }) => {
    const call = calls.parseCall(written);
    return call && calls.runCall(call, calls.toolbox(await stored("weather")));
  },
  passages: async () => (await passages()).passages,
  retrieve: async ({ queries, k }) => {
    const data = await passages();
    const index = new BM25(data.passages.map(({ text }) => text), { skipped: data.skipped });
    return queries.map((query) => index.search(query, k));
  },
  words: async ({ texts }) => {
    const index = new BM25(["a"], { skipped: (await passages()).skipped });
    return texts.map((text) => index.words(text));
  },
  encode: async ({ texts, special }) => {
    const tokenizer = await engines.simd.tokenizer();
    return texts.map((text) => tokenizer.encode(text, { special }));
  },
  decode: async ({ rows, skipSpecial }) => {
    const tokenizer = await engines.simd.tokenizer();
    return rows.map((ids) => tokenizer.decode(ids, { skipSpecial }));
  },
  conversation: async ({ messages }) =>
    conversationIds(await engines.simd.tokenizer(), messages),
  read: async ({ ids, off = [], model, precision, kernel = "simd" }) => {
    const { llama } = await engines[kernel].model(model, precision);
    const cache = llama.newCache();
    return ids.map((id) => {
      const { logits, attentions, hidden } =
        llama.read(id, cache, { watch: true, off: new Set(off) });
      const lists = attentions.map((heads) => heads.map((weights) => [...weights]));
      return { logits: [...logits], attentions: lists, hidden: hidden.map((x) => [...x]),
        normed: [...llama.norm(hidden.at(-1), llama.lastNorm)] };
    });
  },
  compare: async ({ rows, model }) => { // int8 with float16 at each position
    const exact = (await engines.simd.model(model, "float16")).llama;
    const rounded = (await engines.simd.model(model, "int8")).llama;
    return rows.flatMap((ids) => {
      const pasts = [exact.newCache(), rounded.newCache()];
      return ids.map((id) => {
        const p = logSoftmax(exact.read(id, pasts[0]).logits);
        const q = logSoftmax(rounded.read(id, pasts[1]).logits);
        const differences = p.map((value, token) => Math.abs(Math.exp(value) - Math.exp(q[token])));
        return {
          divergence: p.reduce((sum, value, token) => sum + Math.exp(value) * (value - q[token]), 0),
          largest: Math.max(...differences),
          same: sampling.best(p) === sampling.best(q),
        };
      });
    });
  },
  shape: ({ logits, ids = [], settings }) =>
    [...sampling.shapeLogits(floats(logits), ids, settings)],
  draw: ({ logits, uniforms }) => uniforms.map((u) => sampling.drawToken(floats(logits), u)),
  random: ({ seed, count }) => {
    const random = new Random(seed);
    return Array.from({ length: count }, () => random.next());
  },
  multiply: async ({ rows, x }) => {
    const simd = await simdKernel(await matvec(), rows.flat().length);
    return [plainKernel(), simd].map((kernel) => {
      const matrix = kernel.place(Float32Array.from(rows.flat()));
      return [...kernel.multiply(matrix, Float32Array.from(x), rows.length)];
    });
  },
};

async function run({ task, values }) {
  if (TESTS[task]) return TESTS[task](values);
  const { kernel = "simd", ...rest } = values;
  const answer = TASKS[task](engines[kernel], rest);
  if (!answer[Symbol.asyncIterator]) return answer;
  const pieces = [];
  for await (const piece of answer) pieces.push(piece);
  return pieces;
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { result: await run(JSON.parse(line)) };
  } catch (error) {
    answer = { error: error.message, stack: error.stack };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
