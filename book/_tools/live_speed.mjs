/* Writes a text with the modules of the page, again and again. argv: the folder of modules, that of
   weights. A line {text, tokens, kernel} gets an answer {ids, seconds}: seconds of the processor. */

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [code, models] = process.argv.slice(2).map((path) => pathToFileURL(path + "/"));
const { Engine } = await import(new URL("engine.js", code));
const { generate } = await import(new URL("decoding.js", code));

const files = {
  manifest: async () => JSON.parse(await readFile(new URL("manifest.json", models))),
  read: async ({ file }) => new Uint8Array(await readFile(new URL(file, models))).buffer,
};
const engines = {
  plain: new Engine({ ...files, program: async () => null }),
  simd: new Engine({ ...files, program: () => readFile(new URL("matvec.wasm", code)) }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { text, tokens, kernel } = JSON.parse(line);
  const { llama, tokenizer, eos } = await engines[kernel].model("base", "float16");
  const before = process.cpuUsage();
  const settings = { temperature: 0, maxNewTokens: tokens, eos };
  const ids = [...generate(llama, tokenizer, tokenizer.encode(text), settings)].map(({ id }) => id);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(JSON.stringify({ ids, seconds: (user + system) / 1e6 }) + "\n");
}
