/* Memory of one process of several that train a model: companion.training.processes.planning in JavaScript. */

import { SHAPES, countWeights } from "./memory.js";

/* What the processes divide among them; the rest is copied. "fsdp" is stage 3 of ZeRO. */
export const DIVIDED = { ddp: [], zero1: ["optimizer"], zero2: ["optimizer", "gradients"],
  fsdp: ["optimizer", "gradients", "weights"] };

/* Weights that FSDP collects at one time: all outside the blocks, and two blocks. */
export function collectedAtOnce(name) {
  const [vocabulary, width, , layers, , , , tied] = SHAPES[name];
  const { linear, other } = countWeights(name);
  const outside = vocabulary * width * (tied ? 1 : 2) + width;
  return outside + Math.min(2, layers) * (linear + other - outside) / layers;
}

/* Bytes that are kept for the backward pass, in 16 bits; `recompute`: activation checkpointing. */
export function keptActivations(name, tokens, { recompute }) {
  const [vocabulary, width, , layers] = SHAPES[name];
  const layer = 34 * width;
  return tokens * ((recompute ? 2 * width * layers + layer : layer * layers) + 2 * 4 * vocabulary);
}

/* Bytes in each process with AdamW in mixed precision, by part. */
export function rankMemory(name, { processes, sharing, tokens, recompute = true }) {
  const { linear, other } = countWeights(name), count = linear + other;
  const full = { weights: 2 * count, gradients: 2 * count, optimizer: 12 * count };
  const parts = Object.entries(full).map(([part, bytes]) =>
    [part, DIVIDED[sharing].includes(part) ? bytes / processes : bytes]);
  return { ...Object.fromEntries(parts), collected: sharing === "fsdp" ? 2 * collectedAtOnce(name) : 0,
    activations: keptActivations(name, tokens, { recompute }) };
}
