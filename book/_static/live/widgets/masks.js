/* Causal mask, sliding window and ALiBi as maps: rows look, columns are looked at. */

import { alibiWeights, mask, reached, slope } from "../masks.js";
import { choice, counted, h, row, slider, status, table } from "../view.js";

const HEADS = 8;

export default function masks({ length = "10", window = "3" }) {
  const kind = choice("Attention", ["causal", "sliding window", "ALiBi"], { value: "sliding window", onchange: draw });
  const size = slider("Positions", { min: 2, max: 16, step: 1, value: length, onchange: draw });
  const wide = slider("Window", { min: 1, max: 16, step: 1, value: window, onchange: draw });
  const deep = slider("Layers", { min: 1, max: 8, step: 1, value: 3, onchange: draw });
  const head = slider(`ALiBi's head, of ${HEADS}`, { min: 1, max: HEADS, step: 1, value: 1, onchange: draw });
  const line = status(), place = h("div");

  function draw() {
    const isAlibi = kind.value() === "ALiBi", isWindow = kind.value() === "sliding window";
    wide.node.hidden = deep.node.hidden = !isWindow;
    head.node.hidden = !isAlibi;
    const positions = size.value(), steep = slope(head.value(), HEADS);
    const weights = isAlibi ? alibiWeights(positions, steep) : mask(positions, isWindow ? wide.value() : Infinity);
    const caption = isAlibi ? "Weights in percent; scores are equal but for ALiBi"
      : "Each row: which positions its position sees, 1 for yes";
    const grid = table(caption, ["position", ...weights.map((_, j) => String(j + 1))], weights.map((seen, i) =>
      [String(i + 1), ...seen.map((weight, j) => (j > i ? "" : cell(weight, isAlibi)))]));
    grid.querySelector("table").classList.add("live-map");
    place.replaceChildren(grid);
    const sums = weights.map((seen) => seen.reduce((sum, x) => sum + x, 0));
    line.textContent = isAlibi
      ? `Each place further away lowers a score by ${steep.toPrecision(2)}. The last position gives itself ${Math.round(100 * weights.at(-1).at(-1))} %.`
      : `Positions seen, row by row: ${sums.join(", ")}.`
        + (isWindow ? ` Through ${counted(deep.value(), "layer")}, news of ${counted(reached(Infinity, wide.value(), deep.value()), "position")} can arrive at a place.` : "");
  }
  draw();
  return [kind.node, row(size, wide, deep, head), line, place];
}

function cell(weight, isShare) {
  const ground = `color-mix(in srgb, var(--pst-color-primary) ${Math.round(30 * weight)}%, transparent)`;
  return h("span", { style: `display:block;background:${ground}` }, isShare ? Math.round(100 * weight).toString() : weight ? "1" : "0");
}
