/* The tokens of a text, and how merges made one of its pieces. The tokenizer alone is loaded. */

import { ask } from "../client.js";
import { button, h, row, slider, status, table, textField } from "../view.js";

export default function merges({ text }) {
  const field = textField("Your text", text, { onchange: () => show() });
  const line = status(), list = h("div", { class: "live-buttons" }), place = h("div");
  let latest = 0;

  async function show() {
    const number = ++latest;
    try {
      const pieces = await ask("tokens", { text: field.value() });
      if (number === latest) draw(pieces);
    } catch (error) {
      line.textContent = error.message;
    }
  }

  function draw(pieces) {
    const count = pieces.reduce((sum, { ids }) => sum + ids.length, 0);
    const size = new TextEncoder().encode(field.value()).length;
    line.textContent = `${[...field.value()].length} characters, ${size} bytes, ${count} tokens, `
      + `${pieces.length} pieces. Choose a piece to see its merges.`;
    const buttons = pieces.map((piece) => {
      const node = button(piece.steps.at(-1).join("·"), () => {
        buttons.forEach((other) => other.setAttribute("aria-pressed", other === node));
        place.replaceChildren(...history(piece));
      });
      node.setAttribute("aria-pressed", "false");
      return node;
    });
    list.replaceChildren(...buttons);
    place.replaceChildren();
  }
  show();
  return [field.node, line, list, place];
}

/* The steps of one piece, to move through: bytes at first, tokens at last. */
function history({ steps, ids }) {
  const last = steps.length - 1;
  const place = h("div");
  const step = slider("Merges made", { min: 0, max: last, step: 1, value: last, onchange: draw,
    format: (n) => `${n} of ${last}` });
  function draw() {
    const parts = steps[step.value()];
    place.replaceChildren(
      h("div", { class: "live-tokens" }, parts.map((part) => h("span", {}, part))),
      step.value() === last
        ? table("The tokens of this piece", ["token", "id"], parts.map((part, i) => [part, String(ids[i])]))
        : h("p", { role: "status" }, `${parts.length} parts`));
  }
  draw();
  return [step.node, place];
}
