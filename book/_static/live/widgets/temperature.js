/* A distribution that is given, at any temperature. */

import { softmax } from "../llama.js";
import { bars, h, percent, slider, status } from "../view.js";

export default function temperature({ tokens, logits }) {
  const names = tokens.split(","), given = logits.split(",").map(Number);
  const place = h("div"), line = status();
  const heat = slider("Temperature", { min: 0.1, max: 3, step: 0.05, value: 1,
    format: (t) => t.toFixed(2), onchange: draw });

  function draw() {
    const shares = softmax(given.map((logit) => logit / heat.value()));
    const rows = names.map((name, i) =>
      ({ name, share: shares[i], text: shares[i].toFixed(3) }));
    place.replaceChildren(bars("Probability of each token", ["token", "probability"], rows));
    line.textContent = `${names[0]} has ${percent(shares[0])}, ${names.at(-1)} `
      + `${percent(shares[names.length - 1])}.`;
  }
  draw();
  return [heat.node, place, line];
}
