/* Vectors of stored texts: cosines, the nearest, and late interaction. */

import { float16 } from "./safetensors.js";

/* Numbers of 16 bits in base64, as one list per text. */
export function unpack(text, count) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const numbers = float16(bytes.buffer), size = numbers.length / count;
  return Array.from({ length: count }, (_, at) => numbers.slice(at * size, (at + 1) * size));
}

/* The cosine of two vectors of length 1. */
export const cosine = (one, two) => one.reduce((sum, x, at) => sum + x * two[at], 0);

/* The k nearest to a vector as [{at, score}], without itself. */
export function nearest(vectors, at, k) {
  return vectors.map((vector, other) => ({ at: other, score: cosine(vectors[at], vector) }))
    .filter(({ at: other }) => other !== at).sort((a, b) => b.score - a.score || a.at - b.at).slice(0, k);
}

/* The best partner of each token of a question, [{partner, score}]. Args: cosines[token][token of the passage]. */
export const partners = (cosines) => cosines.map((row) => {
  const score = Math.max(...row);
  return { partner: row.indexOf(score), score };
});
