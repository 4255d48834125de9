/* How sure a score is: companion.prompts.evaluation in JavaScript, and McNemar's test of the page. */

const Z = 1.96; // standard deviations that hold 95 % of a normal distribution, on either side

/* Wilson's interval of a share, [low, high]. */
export function wilson(right, total) {
  const share = right / total;
  const center = (share + Z * Z / (2 * total)) / (1 + Z * Z / total);
  const half = Z / (1 + Z * Z / total) * Math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total));
  return [Math.min(Math.max(0, center - half), share), Math.max(Math.min(1, center + half), share)];
}

/* The gain of the second of two systems on the same items, {difference, low, high}: Newcombe's method 10.
   Args: both, lost, won, neither: items right in both, in the first only, in the second only, in none. */
export function gain({ both, lost, won, neither }) {
  const total = both + lost + won + neither;
  const before = (both + lost) / total, after = (both + won) / total;
  const [low1, high1] = wilson(both + lost, total), [low2, high2] = wilson(both + won, total);
  const related = phi({ both, lost, won, neither });
  const side = (one, two) => Math.sqrt(Math.max(0, one * one - 2 * related * one * two + two * two));
  return { difference: after - before,
    low: after - before - side(after - low2, high1 - before),
    high: after - before + side(high2 - after, before - low1) };
}

/* The phi coefficient of the table; above 0 with Newcombe's correction for continuity. */
function phi({ both, lost, won, neither }) {
  const margins = (both + lost) * (won + neither) * (both + won) * (lost + neither);
  if (margins === 0) return 0;
  const product = both * neither - lost * won;
  return (product > 0 ? Math.max(0, product - (both + lost + won + neither) / 2) : product) / Math.sqrt(margins);
}

/* Exact two-sided p-value: how often a fair coin is as one-sided as the items on which the two differ. */
export function mcnemar(lost, won) {
  const total = lost + won;
  let tail = 0, logChoose = 0; // log of total over k
  for (let k = 0; k <= Math.min(lost, won); k++) {
    tail += Math.exp(logChoose - total * Math.LN2);
    logChoose += Math.log((total - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
