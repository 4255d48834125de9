/* Rounding numbers to few bits: companion.quantization in JavaScript. */

const f = Math.fround; // 32 bits, as in torch

/* round(x / s) with s = max|x| / (2^(b-1) - 1), for groups of `size` neighbours; 0: all together.
   Returns {codes, scales, restored}. Halves go to the even integer, as in torch. */
export function absmax(values, bits, size = 0) {
  const top = 2 ** (bits - 1) - 1;
  return grouped(values, size, (group) => {
    const scale = f(largest(group) / top);
    const codes = group.map((value) => (scale === 0 ? 0 : roundEven(f(f(value) / scale))));
    return { codes, scale, restored: codes.map((code) => f(code * scale)) };
  });
}

/* The 16 values of NF4 (Dettmers et al. 2023), relative to the largest of a block. */
export const NF4 = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
  0.7229568362236023, 1,
];

/* The nearest of the 16 values, after a division by the largest of the block. */
export function nf4(values, size = 0) {
  return grouped(values, size, (group) => {
    const scale = f(largest(group));
    const codes = group.map((value) => nearest(NF4, scale === 0 ? 0 : value / scale));
    return { codes, scale, restored: codes.map((code) => f(NF4[code] * scale)) };
  });
}

/* |restored - values| / |values|, both as lengths of vectors; null if all values are 0. */
export function relativeError(values, restored) {
  const length = (numbers) => Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));
  const whole = length(values);
  return whole === 0 ? null : length(values.map((x, i) => x - restored[i])) / whole;
}

/* Why a row of numbers can't be rounded, in words; null if it can. */
export function problem(values) {
  if (!values.length || !values.every(Number.isFinite)) {
    return "Write numbers with blanks or commas between them, such as 0.31, -0.72.";
  }
  const large = values.find((value) => !Number.isFinite(f(value)));
  return large === undefined ? null : `${large} is too large: numbers of 32 bits end at 3.4e38.`;
}

function grouped(values, size, round) {
  const width = size || values.length;
  const parts = [];
  for (let at = 0; at < values.length; at += width) parts.push(round(values.slice(at, at + width)));
  return {
    codes: parts.flatMap((part) => part.codes),
    scales: parts.map((part) => part.scale),
    restored: parts.flatMap((part) => part.restored),
  };
}

function largest(group) {
  return group.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/* The nearest whole number; of two that are as near, the even one. */
export function roundEven(x) {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

function nearest(book, x) {
  return book.reduce((best, value, code) =>
    (Math.abs(value - x) < Math.abs(book[best] - x) ? code : best), 0);
}
