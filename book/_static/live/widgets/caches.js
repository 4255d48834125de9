/* The cache of published models at any length. */

import { MODELS, textBytes, tokenBytes } from "../caches.js";
import { bars, choice, counted, h, number, row, sized, status } from "../view.js";

export default function caches({ tokens = "131072" }) {
  const length = number("Tokens in the cache", { min: 1, max: 10_000_000, value: tokens, onchange: draw });
  const bytes = choice("Bits of a number", [[2, "16"], [1, "8"], [4, "32"]], { onchange: draw });
  const forget = choice("Layers with a window", [["yes", "keep their window"], ["no", "keep everything"]], { onchange: draw });
  const place = h("div"), line = status();

  function draw() {
    const size = Number(bytes.value());
    const rows = Object.entries(MODELS).map(([name, model]) => {
      const all = forget.value() === "yes" ? textBytes(model, length.value(), size) : length.value() * tokenBytes(model, size);
      return { name, all, each: tokenBytes(model, size) };
    });
    const most = Math.max(...rows.map(({ all }) => all));
    place.replaceChildren(bars(`The cache of ${counted(length.value(), "token")}`, ["model", "memory"],
      rows.map(({ name, all, each }) =>
        ({ name, share: all / most, text: `${sized(all)}, ${(each / 1024).toFixed(0)} KiB a token` }))));
    const [least] = [...rows].sort((a, b) => a.all - b.all);
    line.textContent = `The least: ${least.name} with ${sized(least.all)}.`;
  }
  draw();
  return [row(length, bytes, forget), place, line];
}
