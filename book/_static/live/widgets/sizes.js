/* A model by its parameters: memory, cards, operations. */

import { BITS } from "../memory.js";
import { choice, h, row, status, table, textField } from "../view.js";

const CARDS = [16, 24, 80]; // GB
const FORMATS = [["float32", "FP32"], ["bfloat16", "BF16"], ["int8", "int8"], ["nf4", "NF4"]];

/* The smallest of three cards that holds so many GB; or how many of the largest do. */
export function smallestCard(gigabytes) {
  const fits = CARDS.find((card) => gigabytes <= card), top = CARDS.at(-1);
  return fits ? `${fits} GB` : `${Math.ceil(gigabytes / top)} x ${top} GB`;
}

export default function sizes({ total = "70", active = "70" }) {
  const all = textField("Parameters, in billions", total, { rows: 1, onchange: draw });
  const some = textField("Active for a token, in billions", active, { rows: 1, onchange: draw });
  const headroom = choice("Keep free for cache and activations", [[0, "nothing"], [2, "2 GB"], [6, "6 GB"]], { onchange: draw });
  const line = status(), place = h("div");

  function draw() {
    const [billions, used] = [all, some].map((field) => Number(field.value()));
    const isRight = billions > 0 && used > 0 && used <= billions && billions <= 1e5;
    line.classList.toggle("live-error", !isRight);
    if (!isRight) {
      line.textContent = "Write two numbers above 0, such as 46.7 and 12.9; no more can be active than there are.";
      place.replaceChildren();
      return;
    }
    place.replaceChildren(table("Weights, all of them in one format", ["format", "GB", "fits on"], FORMATS.map(([key, name]) => {
      const gigabytes = billions * BITS[key] / 8;
      return [name, gigabytes.toFixed(1), smallestCard(gigabytes + Number(headroom.value()))];
    })));
    line.textContent = `${(2 * used).toFixed(1)} GFLOP per token; ${(100 * used / billions).toFixed(0)} % of the parameters work for one.`;
  }
  draw();
  return [row(all, some), headroom.node, place, line];
}
