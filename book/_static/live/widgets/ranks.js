/* What training takes in each of several processes, and where it fits. */

import { SHAPES } from "../memory.js";
import { DIVIDED, rankMemory } from "../ranks.js";
import { bars, check, choice, counted, h, number, row, slider, status, table } from "../view.js";

const GB = 1e9;
const WAYS = { ddp: "a copy in each (DDP)", zero1: "optimizer divided (ZeRO-1)", zero2: "gradients, too (ZeRO-2)",
  fsdp: "weights, too (FSDP, ZeRO-3)" };
const sum = (parts) => Object.values(parts).reduce((total, part) => total + part, 0);

export default function ranks({ model = "Llama 3 8B", processes = "8", tokens = "8192", sharing = "fsdp" }) {
  const name = choice("Model", Object.keys(SHAPES), { value: model, onchange: draw });
  const way = choice("Show the parts of", Object.entries(WAYS), { value: sharing, onchange: draw });
  const count = slider("Processes", { min: 1, max: 64, step: 1, value: processes, onchange: draw });
  const read = number("Tokens that a process reads at a time", { min: 1, max: 1000000, value: tokens, onchange: draw });
  const card = slider("Memory of a card", { min: 8, max: 192, step: 8, value: 80, format: (x) => `${x} GB`, onchange: draw });
  const recompute = check("compute activations again (checkpointing)", { checked: true, onchange: draw });
  const place = h("div"), ways = h("div"), line = status();

  function draw() {
    const settings = { processes: count.value(), tokens: read.value(), recompute: recompute.value() };
    const plans = Object.keys(DIVIDED).map((key) => ({ key, parts: rankMemory(name.value(), { ...settings, sharing: key }) }));
    ways.replaceChildren(table(`GB in each of ${counted(count.value(), "process", "processes")}`, ["way", "GB", "fits"],
      plans.map(({ key, parts }) => [WAYS[key], (sum(parts) / GB).toFixed(0), sum(parts) <= card.value() * GB ? "yes" : "no"])));
    const { parts } = plans.find(({ key }) => key === way.value());
    place.replaceChildren(bars(`The parts: ${WAYS[way.value()]}`, ["part", "GB"], Object.entries(parts).map(([part, bytes]) =>
      ({ name: part, share: bytes / sum(parts), text: (bytes / GB).toFixed(1) }))));
    const least = plans.find((plan) => sum(plan.parts) <= card.value() * GB);
    line.textContent = least ? `The simplest way that fits on cards of ${card.value()} GB: ${WAYS[least.key]}.`
      : `No way fits on cards of ${card.value()} GB. More processes, fewer tokens at a time, or larger cards.`;
  }
  draw();
  return [row(name, count), row(read, card), recompute.node, ways, line, way.node, place];
}
