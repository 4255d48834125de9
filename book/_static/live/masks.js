/* Which positions attention may look at, and what ALiBi subtracts from its scores. */

/* Rows of 0 and 1: row i is 1 at j where position i sees position j, itself and at most window - 1
   before it. Without a window all that is before. */
export function mask(length, window = Infinity) {
  return rows(length, (i, j) => (j <= i && i - j < window ? 1 : 0));
}

/* ALiBi: from the score of position i with j, slope * (i - j) is subtracted; head h of `heads`, from 1,
   has the slope 2^(-8 h / heads). */
export const slope = (head, heads) => 2 ** ((-8 * head) / heads);

/* Rows of attention weights where all scores are equal but for ALiBi's penalty. */
export function alibiWeights(length, steep) {
  return mask(length).map((row, i) => {
    const weights = row.map((seen, j) => seen * Math.exp(-steep * (i - j)));
    const sum = weights.reduce((total, x) => total + x, 0);
    return weights.map((x) => x / sum);
  });
}

/* How many positions can reach the last one through so many layers. */
export function reached(length, window, layers) {
  return Math.min(length, layers * (window - 1) + 1);
}

function rows(length, value) {
  return Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => value(i, j)));
}
