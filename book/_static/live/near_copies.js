/* Near copies: how many runs of words two texts share, and MinHash, which guesses it from 112 numbers.
   The functions of the page on data, with the same random numbers. */

import { FACTORS, OFFSETS } from "./minhash_numbers.js";

const PRIME = 2n ** 31n - 1n;
export const BANDS = 14, BAND_ROWS = 8;

/* The set of runs of n words; of a shorter text, the whole. */
export function shingles(text, n = 5) {
  const words = text.toLowerCase().match(/\S+/gu) ?? [];
  const count = Math.max(1, words.length - n + 1);
  return new Set(Array.from({ length: count }, (_, i) => words.slice(i, i + n).join(" ")));
}

/* {shared, all, share}: the similarity of two sets, |A and B| / |A or B|. */
export function jaccard(a, b) {
  const shared = [...a].filter((run) => b.has(run)).length;
  const all = a.size + b.size - shared;
  return { shared, all, share: shared / all };
}

/* 112 minima: for each random function x -> (factor * x + offset) mod p, the smallest of the set. */
export function signature(runs) {
  const numbers = Array.from(runs, (run) => BigInt(hash32(run)) % PRIME);
  return FACTORS.map((factor, i) => {
    const [f, o] = [BigInt(factor), BigInt(OFFSETS[i])];
    return numbers.map((x) => Number((f * x + o) % PRIME)).reduce((least, x) => Math.min(least, x));
  });
}

/* {equal, bands}: minima that agree, and bands that agree as a whole. One such band is a match. */
export function compare(one, two) {
  const same = one.map((x, i) => x === two[i]);
  const bands = Array.from({ length: BANDS }, (_, b) => same.slice(BAND_ROWS * b, BAND_ROWS * (b + 1)));
  return { equal: same.filter(Boolean).length, bands: bands.filter((band) => band.every(Boolean)).length };
}

/* The probability that two texts so similar are a match. */
export const matchProbability = (share) => 1 - (1 - share ** BAND_ROWS) ** BANDS;

/* -- BLAKE2b with 4 bytes of output (RFC 7693), which makes a number of a text ---------------------- */

const MASK = 2n ** 64n - 1n;
const START = [ // the fractions of the square roots of the first eight primes
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const ORDER = [ // in which words of the message each round takes them
  "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
  "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
].map((row) => [...row].map((digit) => parseInt(digit, 16)));
const turn = (x, bits) => ((x >> bits) | (x << (64n - bits))) & MASK;

export function hash32(text) {
  const bytes = new TextEncoder().encode(text);
  const state = [...START];
  state[0] ^= 0x01010004n; // no key, 4 bytes of output
  for (let at = 0; at < Math.max(1, bytes.length); at += 128) {
    const isLast = at + 128 >= bytes.length;
    mix(state, wordsOf(bytes.subarray(at, at + 128)), isLast ? bytes.length : at + 128, isLast);
  }
  const first = state[0]; // its lowest four bytes, the first of them the most significant
  return [0n, 8n, 16n, 24n].reduce((sum, shift) => 256 * sum + Number((first >> shift) & 255n), 0);
}

function wordsOf(block) {
  const padded = new Uint8Array(128);
  padded.set(block);
  const view = new DataView(padded.buffer);
  return Array.from({ length: 16 }, (_, i) => view.getBigUint64(8 * i, true));
}

function mix(state, words, count, isLast) {
  const v = [...state, ...START];
  v[12] ^= BigInt(count);
  if (isLast) v[14] ^= MASK;
  const step = (a, b, c, d, x, y) => {
    v[a] = (v[a] + v[b] + x) & MASK;
    v[d] = turn(v[d] ^ v[a], 32n);
    v[c] = (v[c] + v[d]) & MASK;
    v[b] = turn(v[b] ^ v[c], 24n);
    v[a] = (v[a] + v[b] + y) & MASK;
    v[d] = turn(v[d] ^ v[a], 16n);
    v[c] = (v[c] + v[d]) & MASK;
    v[b] = turn(v[b] ^ v[c], 63n);
  };
  for (let round = 0; round < 12; round++) {
    const m = ORDER[round % 10].map((at) => words[at]);
    for (let i = 0; i < 4; i++) step(i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1]); // columns
    for (let i = 0; i < 4; i++) { // diagonals
      step(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[8 + 2 * i], m[9 + 2 * i]);
    }
  }
  for (let i = 0; i < 8; i++) state[i] ^= v[i] ^ v[i + 8];
}
