/* The parameters of a GPT: where they sit, for any shape. */

import { bars, grouped, h, number, percent, row, status } from "../view.js";

/* What a decoder of GPT-2's kind has, by its part. */
export function gptParameters({ vocabulary, context, width, layers }) {
  return {
    "token embeddings": vocabulary * width,
    "positions": context * width,
    "attention": layers * (4 * width ** 2 + 4 * width),
    "MLP": layers * (8 * width ** 2 + 5 * width),
    "LayerNorm": layers * 4 * width + 2 * width,
  };
}

export default function parameters({ vocabulary = "50257", context = "1024", width = "768", layers = "12" }) {
  const onchange = () => draw();
  const words = number("Vocabulary", { min: 1, max: 1e6, value: vocabulary, onchange });
  const room = number("Context", { min: 1, max: 1e7, value: context, onchange });
  const wide = number("Width", { min: 1, max: 1e5, value: width, onchange });
  const deep = number("Blocks", { min: 1, max: 1000, value: layers, onchange });
  const place = h("div"), line = status();

  function draw() {
    const parts = Object.entries(gptParameters({
      vocabulary: words.value(), context: room.value(), width: wide.value(), layers: deep.value() }));
    const all = parts.reduce((sum, [, count]) => sum + count, 0);
    line.textContent = `${grouped(all)} parameters.`;
    place.replaceChildren(bars("Where they sit", ["part", "parameters"], parts.map(([name, count]) =>
      ({ name, share: count / all, text: `${grouped(count)}, ${percent(count / all)}` }))));
  }
  draw();
  return [row(words, room), row(wide, deep), line, place];
}
