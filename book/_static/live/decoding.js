/* The generation loop: greedy decoding and sampling for one text, companion.generation.decoding in
   JavaScript. The same settings and seed give the same tokens. */

import { logSoftmax } from "./llama.js";
import { Random } from "./random.js";
import { best, drawToken, shapeLogits } from "./sampling.js";

const UNFINISHED = /\uFFFD+$/; // half a character at the end may still become a whole one

/* Reads all tokens and predicts what follows the last. Returns what `model.read` returns for it. */
export function readAll(model, ids, cache, options) {
  let result;
  for (const id of ids) result = model.read(id, cache, options);
  return result;
}

/* Writes a text, token by token.

   Args:
     model, tokenizer: see llama.js and tokenizer.js.
     ids: the prompt's tokens, at least one.
     settings: maxNewTokens, seed, stop (strings), eos (ids), and those of sampling.js.
     options: for `model.read`, such as {off}.
   Yields: {id, logprob, text, settled, reason} after each token. `logprob` is that of the raw model.
     `text` is all new text so far; its first `settled` characters will not change any more. `reason`
     is null until the end, then "eos", "stop" or "length". */
export function* generate(model, tokenizer, ids, settings, options = {}) {
  const { maxNewTokens = 64, seed = 0, stop = [], eos = [] } = settings;
  const random = new Random(seed);
  const cache = model.newCache();
  let { logits } = readAll(model, ids, cache, options);
  const written = [];
  for (let step = 0; step < maxNewTokens; step++) {
    // 1. What may be chosen, and how likely: penalties, temperature, filters.
    const shaped = shapeLogits(logits, [...ids, ...written], settings);

    // 2. One token; its log-probability is the raw model's, whatever step 1 did.
    const id = settings.temperature === 0 ? best(shaped) : drawToken(shaped, random.next());
    const logprob = logSoftmax(logits)[id];
    written.push(id);

    // 3. Is this the end?
    const whole = tokenizer.decode(eos.includes(id) ? written.slice(0, -1) : written);
    const cut = findStop(whole, stop);
    const text = whole.slice(0, cut);
    const reason = eos.includes(id) ? "eos" : cut !== undefined ? "stop"
      : step + 1 === maxNewTokens ? "length" : null;
    yield { id, logprob, text, settled: reason ? text.length : settledLength(text, stop), reason };
    if (reason) return;

    // 4. The model reads what was written.
    logits = model.read(id, cache, options).logits;
  }
}

/* Where the earliest stop string begins, or undefined. */
export function findStop(text, stop) {
  const places = stop.map((string) => text.indexOf(string)).filter((at) => at >= 0);
  return places.length ? Math.min(...places) : undefined;
}

/* How many characters no further token can change: not half a character, nor half a stop string. */
export function settledLength(text, stop) {
  const whole = text.replace(UNFINISHED, "");
  const begun = stop.map((string) => {
    for (let n = string.length - 1; n > 0; n--) if (whole.endsWith(string.slice(0, n))) return n;
    return 0;
  });
  return whole.length - Math.max(0, ...begun);
}
