/* pass@k from counted answers, eq. 1 of Chen et al. 2021, and the shortcut that is too low. */

/* Share of the choices of k of n answers with a right one; c of the n are right. */
export function passAtK(n, c, k) {
  let none = 1; // chance that k answers, drawn without putting back, are all wrong
  for (let drawn = 0; drawn < k; drawn++) none *= Math.max(0, n - c - drawn) / (n - drawn);
  return 1 - none;
}

export const shortcut = (n, c, k) => 1 - (1 - c / n) ** k;

/* The mean of either over problems with these counts. */
export const meanOf = (estimate, n, counts, k) => counts.reduce((sum, c) => sum + estimate(n, c, k), 0) / counts.length;
