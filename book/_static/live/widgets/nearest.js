/* Sentences of the page: the cosine of two of them, and the nearest ones of all. */

import { cosine, nearest, unpack } from "../vectors.js";
import { bars, choice, h, row, slider, status } from "../view.js";

const FILE = new URL("../data/sentences.json", import.meta.url);
const BROKEN = "The vectors did not arrive. Is there a connection? Reload the page, and try again.";

/* first, second: two of the page's sentences. */
export default function sentences({ first, second, k = "5" }) {
  const one = choice("Sentence", [first], { onchange: draw }), two = choice("Compare it with", [second], { onchange: draw });
  const count = slider("Nearest sentences", { min: 1, max: 20, step: 1, value: k, onchange: draw });
  const place = h("div"), line = status();
  let data = null, vectors = null;

  async function load() {
    line.textContent = "Loading the vectors.";
    try {
      data = await (await fetch(FILE)).json();
      vectors = unpack(data.vectors, data.sentences.length);
    } catch {
      line.textContent = BROKEN;
      return;
    }
    for (const [field, chosen] of [[one, first], [two, second]]) {
      const options = data.sentences.map((text, at) => h("option", { value: text, selected: text === chosen }, `${data.groups[at]}: ${text}`));
      field.node.querySelector("select").replaceChildren(...options);
    }
    draw();
  }

  function draw() {
    if (!vectors) return;
    const [a, b] = [one, two].map((field) => data.sentences.indexOf(field.value()));
    const score = cosine(vectors[a], vectors[b]);
    const rank = 1 + nearest(vectors, a, vectors.length).findIndex(({ at }) => at === b);
    line.textContent = a === b ? "Twice the same sentence: cosine 1.00." : `Cosine ${score.toFixed(2)}. `
      + `Of ${vectors.length - 1} other sentences the second is number ${rank} from the first.`;
    place.replaceChildren(bars("The nearest sentences to the first", ["sentence", "group", "cosine"],
      nearest(vectors, a, count.value()).map(({ at, score: near }) =>
        ({ name: data.sentences[at], share: near, text: [data.groups[at], near.toFixed(2)] }))));
  }
  load();
  return [one.node, two.node, line, count.node, place];
}
