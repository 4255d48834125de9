/* Generation under a mask: at each step only tokens after which the text can still become JSON of a schema. */

import { readAll } from "./decoding.js";
import { softmax } from "./llama.js";
import { best } from "./sampling.js";
import { allowedTokens } from "./schema_prefix.js";
import { bytesOf } from "./tokenizer.js";

/* The tokens that a text may be made of, with their bytes: all but special ones and those that end it. */
export function textPieces(tokenizer, eos) {
  const left = new Set([...tokenizer.specialIds, ...eos]);
  return new Map([...tokenizer.tokens.keys()].filter((id) => !left.has(id)).map((id) => [id, String.fromCharCode(...bytesOf(tokenizer.tokens[id]))]));
}

/* Writes greedily under the mask.

   Args: model, tokenizer; ids, the prompt's tokens; schema, see schema_prefix.js; eos, ids that end a text.
   Yields: {text, name, allowed, share, wished, wishedShare, reason} for each token: how many tokens the schema
     allowed, which share of the probability they had, and what the model would have written without it. */
export function* writeJson(model, tokenizer, ids, { schema, eos, maxNewTokens }) {
  const pieces = textPieces(tokenizer, eos), cache = model.newCache(), written = [];
  let { logits } = readAll(model, ids, cache), bytes = "";
  for (let step = 0; step < maxNewTokens; step++) {
    // 1. What the schema allows behind the text so far.
    const allowed = new Set(allowedTokens(schema, bytes, pieces, eos));

    // 2. All other tokens get minus infinity; the best of the rest is taken.
    const shares = softmax(logits), wished = best(logits);
    const id = best(logits.map((logit, at) => (allowed.has(at) ? logit : -Infinity)));
    const share = [...allowed].reduce((sum, at) => sum + shares[at], 0);

    // 3. Is this the end?
    const isEnd = eos.includes(id);
    if (!isEnd) {
      written.push(id);
      bytes += pieces.get(id);
    }
    const reason = isEnd ? "eos" : step + 1 === maxNewTokens ? "length" : null;
    yield { text: tokenizer.decode(written), name: tokenizer.name(id), allowed: allowed.size, share,
      wished: tokenizer.name(wished), wishedShare: shares[wished], reason };
    if (reason) return;
    logits = model.read(id, cache).logits;
  }
}
