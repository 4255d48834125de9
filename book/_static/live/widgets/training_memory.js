/* What fine-tuning takes, and on which card it fits. */

import { SHAPES, countWeights, linearLayers, weightBytes } from "../memory.js";
import { bars, choice, h, row, slider, status, table } from "../view.js";
import { trained } from "./lora.js";

const GIB = 2 ** 30, ADAMW = 16; // bytes: 2 weight, 2 gradient, 4 master copy, 8 moments
const CARDS = { "T4": 15, "24 GB": 24e9 / GIB, "80 GB": 80e9 / GIB };

/* Bytes of full fine-tuning, LoRA and QLoRA; `rest`: activations and all else. */
export function trainingBytes(name, { rank, rest }) {
  const { linear, other } = countWeights(name);
  const adapter = ADAMW * trained(name, Object.keys(linearLayers(name)), rank);
  return {
    full: ADAMW * (linear + other) + rest,
    LoRA: weightBytes(name, "bfloat16") + adapter + rest,
    QLoRA: weightBytes(name, "nf4") + adapter + rest,
  };
}

export default function trainingMemory({ model = "Llama 2 7B", rank = "16", rest = "2" }) {
  const name = choice("Model", Object.keys(SHAPES), { value: model, onchange: draw });
  const size = slider("Rank", { min: 1, max: 128, step: 1, value: rank, onchange: draw });
  const more = slider("Activations and the rest", { min: 0, max: 20, step: 0.5, value: rest, format: (x) => `${x} GiB`, onchange: draw });
  const place = h("div"), cards = h("div"), line = status();

  function draw() {
    const needs = Object.entries(trainingBytes(name.value(), { rank: size.value(), rest: more.value() * GIB }))
      .map(([method, bytes]) => ({ method, size: bytes / GIB }));
    place.replaceChildren(bars("Memory for fine-tuning", ["method", "GiB"],
      needs.map(({ method, size: need }) => ({ name: method, share: need / needs[0].size, text: need.toFixed(1) }))));
    cards.replaceChildren(table("Does it fit?", ["method", ...Object.keys(CARDS)],
      needs.map(({ method, size: need }) => [method, ...Object.values(CARDS).map((room) => (need <= room ? "yes" : "no"))])));
    const least = Object.keys(CARDS).find((card) => needs[2].size <= CARDS[card]);
    line.textContent = `${name.value()} by QLoRA: ${needs[2].size.toFixed(1)} GiB, ${least ? `which fits on ${least === "T4" ? "a T4" : `a card of ${least}`}.` : "which fits on none of these cards."}`;
  }
  draw();
  return [name.node, row(size, more), place, cards, line];
}
