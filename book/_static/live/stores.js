/* What many vectors take in a store, planned from measured sizes as on the page on vector stores. */

/* The low and the high end of a line that goes on from the measured sizes to `target` vectors.
   Args: sizes, {number of vectors: {kind: {quantity: value}}}, at least two. */
export function plan(sizes, kind, quantity, target) {
  const counts = Object.keys(sizes).map(Number).sort((a, b) => a - b);
  const values = counts.map((count) => sizes[count][kind][quantity]);
  const ends = counts.slice(1).map((count, at) => {
    const slope = (values[at + 1] - values[at]) / (count - counts[at]);
    return values.at(-1) + slope * (target - counts.at(-1));
  });
  return [Math.min(...ends), Math.max(...ends)];
}

/* A range as the page writes it; of what its digits would make 0.0, the first digit. */
export function between(ends, unit, digits = 1) {
  const isSmall = (value) => digits > 0 && value > 0 && value < 0.5 * 10 ** -digits;
  const write = (value) => (isSmall(value) ? String(Number(value.toPrecision(1))) : value.toFixed(digits));
  return ends.map((end) => write(end / unit)).join("-");
}
