/* A task of several steps, each of which may fail: how often all of them succeed. */

import { bars, counted, grouped, h, number, percent, row, slider, status } from "../view.js";

/* Chance that a step is done: it may be tried again, `retries` times, where its failure is noticed. */
export function stepSuccess(p, retries, noticed) {
  let done = 0, still = 1; // the chance to be at this try
  for (let at = 0; at <= retries; at++) {
    done += still * p;
    still *= (1 - p) * noticed;
  }
  return done;
}

export default function steps({ p = "0.95", steps: count = "10" }) {
  const chance = slider("A step succeeds with probability p", { min: 0.5, max: 1, step: 0.01, value: p, format: (x) => x.toFixed(2), onchange: draw });
  const length = number("Steps, n", { min: 1, max: 1000, value: count, onchange: draw });
  const retries = slider("Retries of a step", { min: 0, max: 5, step: 1, value: 0, onchange: draw });
  const noticed = slider("Share of failures that are noticed", { min: 0, max: 1, step: 0.05, value: 1, format: percent, onchange: draw });
  const place = h("div"), line = status();

  function draw() {
    const n = length.value(), each = stepSuccess(chance.value(), retries.value(), noticed.value());
    const shown = [...new Set([1, 2, 3, 4, 10, 20, 50, n])].sort((a, b) => a - b);
    place.replaceChildren(bars("Tasks in which every step succeeds", ["steps", "share"],
      shown.map((size) => ({ name: grouped(size), share: each ** size, text: percent(each ** size) }))));
    const half = each < 1 && each > 0 ? Math.floor(Math.log(0.5) / Math.log(each)) : null;
    line.textContent = `${n === 1 ? "One step" : `All ${grouped(n)} steps`}: ${percent(each ** n)}. `
      + (half === null ? "No step fails." : half < 1 ? "Not even one step succeeds every other time."
        : `Tasks of up to ${counted(half, "step")} succeed at least every other time.`);
  }
  draw();
  return [chance.node, row(length, retries), noticed.node, line, place];
}
