/* Reshape a next-token distribution, and draw a token from it: companion.generation.logits and
   .sampling in JavaScript, with the same ties.

   Each filter takes logits (V,) and returns new ones. A token that must not be drawn gets -Infinity.
   Where Python computes with 32 bits, `Math.fround` rounds to 32 bits here, so that the same tokens
   stay at a threshold. */

import { softmax } from "./llama.js";

export const DEFAULTS = {
  temperature: 1, topK: null, topP: 1, minP: 0, repetitionPenalty: 1, noRepeatNgramSize: 0,
};

/* All filters in the order of `transformers`: penalties on the raw logits, then temperature, top-k,
   top-p, min-p. Temperature 0 is greedy: then only the penalties matter. */
export function shapeLogits(logits, ids, settings) {
  const { temperature, topK, topP, minP, repetitionPenalty, noRepeatNgramSize } =
    { ...DEFAULTS, ...settings };
  let shaped = repetitionPenalty === 1 ? logits : penalized(logits, ids, repetitionPenalty);
  if (noRepeatNgramSize) shaped = withoutRepeats(shaped, ids, noRepeatNgramSize);
  if (temperature === 0) return shaped;
  shaped = shaped.map((logit) => logit / temperature);
  if (topK !== null) shaped = keepTopK(shaped, topK);
  if (topP < 1) shaped = keepTopP(shaped, topP);
  if (minP > 0) shaped = keepMinP(shaped, minP);
  return shaped;
}

/* Ids from the largest logit down; among equals the lowest id first. */
export function ranked(logits) {
  return Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
}

/* The k largest. */
export function keepTopK(logits, k) {
  const kept = new Set(ranked(logits).slice(0, k));
  return logits.map((logit, id) => (kept.has(id) ? logit : -Infinity));
}

/* The smallest set of tokens whose probabilities sum to at least p. */
export function keepTopP(logits, p) {
  const order = ranked(logits);
  const probabilities = softmax(logits);
  const result = logits.slice();
  let sum = 0;
  for (const id of order) {
    sum += probabilities[id];
    const before = Math.fround(Math.fround(sum) - probabilities[id]); // of the more probable tokens
    if (before >= Math.fround(p)) result[id] = -Infinity;
  }
  return result;
}

/* Tokens with at least the fraction minP of the largest probability. */
export function keepMinP(logits, minP) {
  const probabilities = softmax(logits);
  const threshold = Math.fround(minP * Math.max(...probabilities));
  return logits.map((logit, id) => (probabilities[id] < threshold ? -Infinity : logit));
}

/* Every token that occurred becomes less likely, once however often it did. */
export function penalized(logits, ids, penalty) {
  const seen = new Set(ids);
  return logits.map((logit, id) =>
    !seen.has(id) ? logit : logit < 0 ? logit * penalty : logit / penalty);
}

/* Removes tokens that would complete n tokens which stood in the text already. */
export function withoutRepeats(logits, ids, n) {
  const result = logits.slice();
  const suffix = n > 1 ? ids.slice(-(n - 1)) : [];
  for (let at = 0; at + n <= ids.length; at++) {
    if (suffix.every((id, i) => ids[at + i] === id)) result[ids[at + n - 1]] = -Infinity;
  }
  return result;
}

/* The most probable token, the lowest id on a tie. */
export function best(logits) {
  return logits.reduce((winner, logit, id) => (logit > logits[winner] ? id : winner), 0);
}

/* Lays the probabilities side by side on the line from 0 to 1 and takes the token at `uniform`. */
export function drawToken(logits, uniform) {
  const probabilities = softmax(logits);
  const mark = uniform * probabilities.reduce((sum, p) => sum + p, 0);
  let edge = 0;
  for (let id = 0; id < probabilities.length; id++) {
    edge += probabilities[id];
    if (edge > mark) return id; // the first edge above the mark: a stretch of length 0 is never hit
  }
  return best(logits);
}
