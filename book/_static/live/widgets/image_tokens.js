/* What an image of some size takes, in tokens and in money. */

import { FIXED, resized, squareTokens, tileTokens } from "../image_tokens.js";
import { bars, grouped, h, number, row, slider, status } from "../view.js";

const LARGEST = 20000; // pixels on a side

export default function imageTokens({ width = "1600", height = "1200" }) {
  const side = { min: 1, max: LARGEST, onchange: draw };
  const across = number("Width in pixels", { ...side, value: width });
  const down = number("Height in pixels", { ...side, value: height });
  const price = slider("Price of a million input tokens", { min: 0.1, max: 20, step: 0.1, value: 1, format: (x) => x.toFixed(2), onchange: draw });
  const place = h("div"), line = status();

  function draw() {
    const size = [across.value(), down.value()];
    let counts, shown;
    try {
      counts = { fixed: FIXED, "tiles of 512": tileTokens(...size), "28 × 28": squareTokens(...size) };
      shown = resized(...size);
    } catch (error) {
      line.textContent = error.message;
      place.replaceChildren();
      return;
    }
    const most = Math.max(...Object.values(counts));
    place.replaceChildren(bars("Tokens of the image", ["way", "tokens"], Object.entries(counts).map(([name, count]) =>
      ({ name, share: count / most, text: grouped(count) }))));
    line.textContent = `${grouped(counts["28 × 28"])} tokens of 28 × 28 pixels cost `
      + `${(counts["28 × 28"] * price.value() / 1e6).toFixed(4)}. The model sees ${shown.join(" × ")} pixels.`;
  }
  draw();
  return [row(across, down), price.node, place, line];
}
