/* How many parameters LoRA trains, and what that saves. */

import { SHAPES, countWeights, linearLayers } from "../memory.js";
import { bars, choice, grouped, h, percent, row, slider, status } from "../view.js";

const GIB = 2 ** 30;
const TARGETS = {
  "query and value": ["q_proj", "v_proj"],
  "attention": ["q_proj", "k_proj", "v_proj", "o_proj"],
  "all linear layers": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
};

/* Parameters of the matrices A and B: rank * (inputs + outputs) in each layer. */
export function trained(name, targets, rank) {
  const layers = linearLayers(name);
  const sizes = targets.map((target) => layers[target][0] + layers[target][1]);
  return SHAPES[name][3] * rank * sizes.reduce((sum, size) => sum + size, 0);
}

export default function lora({ model = "Llama 2 7B", rank = "16", targets = "all linear layers" }) {
  const name = choice("Model", Object.keys(SHAPES), { value: model, onchange: draw });
  const where = choice("LoRA in", Object.keys(TARGETS), { value: targets, onchange: draw });
  const size = slider("Rank", { min: 1, max: 128, step: 1, value: rank, onchange: draw });
  const place = h("div"), line = status();

  function draw() {
    const { linear, other } = countWeights(name.value());
    const added = trained(name.value(), TARGETS[where.value()], size.value());
    const full = 16 * (linear + other), thin = 4 * (linear + other) + 16 * added;
    line.textContent = `${grouped(added)} of ${grouped(linear + other + added)} parameters are trained, `
      + `${percent(added / (linear + other + added)).replace(" %", "")} %.`;
    place.replaceChildren(bars("Weights, gradients and AdamW's means in 32 bits, without activations", ["way", "GiB"], [
      { name: "full fine-tuning", share: 1, text: `${(full / GIB).toFixed(1)} GiB` },
      { name: "LoRA", share: thin / full, text: `${(thin / GIB).toFixed(1)} GiB` },
    ]));
  }
  draw();
  return [row(name, where), size.node, line, place];
}
