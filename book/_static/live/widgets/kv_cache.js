/* What a key-value cache saves, and what it takes. */

import { SHAPES, cacheBytes } from "../memory.js";
import { bars, choice, grouped, h, number, row, status, table } from "../view.js";

const GIB = 2 ** 30;

export default function kvCache({ prompt = "10", tokens = "40", model = "Llama 2 7B", context = "4096" }) {
  const before = number("Tokens of the prompt", { min: 1, max: 100000, value: prompt, onchange: draw });
  const after = number("New tokens", { min: 1, max: 100000, value: tokens, onchange: draw });
  const name = choice("Model", Object.keys(SHAPES), { value: model, onchange: draw });
  const length = number("Tokens in the cache", { min: 1, max: 1000000, value: context, onchange: draw });
  const batch = number("Texts at a time", { min: 1, max: 4096, value: 1, onchange: draw });
  const bytes = choice("Bits of a number", [[2, "16"], [4, "32"]], { value: 2, onchange: draw });
  const work = h("div"), size = status();

  function draw() {
    const p = before.value(), m = after.value();
    const without = m * p + m * (m - 1) / 2, cached = p + m - 1;
    work.replaceChildren(bars("Token positions that reach the model", ["way", "positions"], [
      { name: "without cache", share: 1, text: grouped(without) },
      { name: "with cache", share: cached / without, text: grouped(cached) },
    ]));
    const settings = { tokens: length.value(), batch: batch.value(), bytes: Number(bytes.value()) };
    const all = cacheBytes(name.value(), settings);
    const each = cacheBytes(name.value(), { ...settings, tokens: 1, batch: 1 });
    size.textContent = `${name.value()}: ${grouped(each)} bytes per token; ${grouped(all)} bytes, or `
      + `${(all / GIB).toFixed(all < 0.1 * GIB ? 4 : 1)} GiB, in all.`;
  }
  draw();
  return [row(before, after), work, row(name, bytes), row(length, batch), size];
}
