/* A text cut into passages, in two ways. */

import { LENGTHS, chunksOf, cutRecursively, cutWindows, endsSentence } from "../chunking.js";
import { tooLong } from "../limits.js";
import { choice, counted, h, number, row, status, table, textField } from "../view.js";

const WAYS = { "at the best place": cutRecursively, "windows": cutWindows };

export default function chunks({ text, size = "10", overlap = "0" }) {
  const field = textField("Your text", text, { rows: 4, onchange: draw });
  const way = choice("Cut", Object.keys(WAYS), { onchange: draw });
  const unit = choice("Count", Object.keys(LENGTHS), { onchange: draw });
  const most = number("Size", { min: 1, max: 5000, value: size, onchange: draw });
  const again = number("Overlap", { min: 0, max: 4999, value: overlap, onchange: draw });
  const line = status(), place = h("div");

  function wrong() {
    if (!field.value().trim()) return "There is no text. Write or paste some.";
    if (tooLong(field.value())) return tooLong(field.value());
    if (again.value() >= most.value()) return "The overlap must be smaller than the size, or a passage repeats the one before it.";
    return null;
  }

  function draw() {
    const problem = wrong();
    line.classList.toggle("live-error", problem !== null);
    if (problem) {
      line.textContent = problem;
      place.replaceChildren();
      return;
    }
    const settings = { size: most.value(), overlap: again.value(), unit: unit.value() };
    const parts = chunksOf(field.value(), WAYS[way.value()](field.value(), settings));
    const length = LENGTHS[unit.value()];
    const stored = parts.reduce((sum, part) => sum + length(part.text), 0);
    const complete = parts.filter((part) => endsSentence(part.text)).length;
    line.textContent = `${counted(parts.length, "passage")}, ${complete} of them with the end of a sentence; `
      + `${(stored / length(field.value())).toFixed(2)} ${unit.value()} stored for each of the text.`;
    place.replaceChildren(table("The passages; what repeats the one before is marked",
      ["passage", unit.value(), "text"], parts.map((part, at) =>
        [String(at + 1), String(length(part.text)), marked(part, parts[at - 1])])));
  }
  draw();
  return [field.node, row(way, unit), row(most, again), line, place];
}

/* A passage with its beginning marked as far as the one before it goes. */
function marked({ text, start }, before) {
  const repeated = before ? Math.max(0, before.start + before.text.length - start) : 0;
  return h("span", { class: "live-passage" }, repeated ? h("mark", {}, text.slice(0, repeated)) : "", text.slice(repeated));
}
