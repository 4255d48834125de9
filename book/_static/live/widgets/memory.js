/* What a model takes while it generates. */

import { BITS, SHAPES, activationBytes, cacheBytes, countWeights, weightBytes } from "../memory.js";
import { bars, choice, grouped, h, number, row, status } from "../view.js";

const GB = 1e9, GIB = 2 ** 30, MIB = 2 ** 20;
const FORMATS = [["float32", "FP32"], ["bfloat16", "BF16"], ["int8", "int8"], ["nf4", "NF4 + double quantization"]];

export default function memory({ model = "Llama 2 7B", format = "nf4", tokens = "4096", batch = "1" }) {
  const name = choice("Model", Object.keys(SHAPES), { value: model, onchange: draw });
  const weights = choice("Linear weights in", FORMATS, { value: format, onchange: draw });
  const length = number("Tokens of a text", { min: 1, max: 1000000, value: tokens, onchange: draw });
  const texts = number("Texts at a time", { min: 1, max: 4096, value: batch, onchange: draw });
  const place = h("div"), line = status();

  function draw() {
    const bytes = weights.value() === "float32" ? 4 : 2;
    const settings = { tokens: length.value(), batch: texts.value(), bytes };
    const parts = {
      weights: weightBytes(name.value(), weights.value()),
      "KV cache": cacheBytes(name.value(), settings),
      activations: activationBytes(name.value(), settings),
    };
    const all = Object.values(parts).reduce((sum, part) => sum + part, 0);
    place.replaceChildren(bars("Memory while it generates", ["part", "memory"],
      Object.entries(parts).map(([part, size]) =>
        ({ name: part, share: size / all, text: inWords(size) }))));
    const { linear, other } = countWeights(name.value());
    const whole = all < GB / 10 ? inWords(all) : `${inWords(all)} (${(all / GIB).toFixed(2)} GiB)`;
    line.textContent = `${whole} for `
      + `${grouped(linear + other)} parameters, ${BITS[weights.value()].toFixed(2)} bits for each in the linear layers.`;
  }
  draw();
  return [row(name, weights), row(length, texts), place, line];
}

function inWords(bytes) {
  return bytes < GB / 10 ? `${(bytes / MIB).toFixed(2)} MiB` : `${(bytes / GB).toFixed(2)} GB`;
}
