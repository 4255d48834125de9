/* The tokens of a text, and how merges made one of its pieces. The tokenizer alone is loaded. */

import { ask } from "../client.js";
import { partsAfter } from "../tokenizer.js";
import { button, counted, h, slider, status, table, textField } from "../view.js";

const SHOWN = 200; // pieces of a text, and parts of a piece: a browser lays out thousands slowly
const PATIENCE = 300; // milliseconds without an answer, then the old numbers go

export default function merges({ text }) {
  const field = textField("Your text", text, { onchange: () => show() });
  const line = status(), list = h("div", { class: "live-buttons" }), place = h("div");
  let latest = new AbortController();

  async function show() {
    latest.abort(); // an older text need not be cut any more
    latest = new AbortController();
    const { signal } = latest, asked = field.value();
    const waiting = setTimeout(() => say("Cutting the text into tokens."), PATIENCE);
    try {
      const pieces = await ask("tokens", { text: asked }, { signal });
      if (!pieces.length) throw new Error("There is no text. Write at least one word.");
      draw(asked, pieces);
    } catch (error) {
      if (!signal.aborted) say(error.message);
    }
    clearTimeout(waiting);
  }

  function say(words) {
    line.textContent = words;
    list.replaceChildren();
    place.replaceChildren();
  }

  function draw(asked, pieces) {
    const tokens = pieces.reduce((sum, { ids }) => sum + ids.length, 0);
    const bytes = new TextEncoder().encode(asked).length;
    say(`${counted([...asked].length, "character")}, ${counted(bytes, "byte")}, ${counted(tokens, "token")}, `
      + `${counted(pieces.length, "piece")}. Choose a piece to see its merges.`
      + (pieces.length > SHOWN ? ` The first ${SHOWN} are shown.` : ""));
    const buttons = pieces.slice(0, SHOWN).map((piece) => {
      const parts = piece.isSpecial ? [piece.text] : partsAfter(piece.text, piece.joins);
      const node = button(parts.slice(0, SHOWN).join("·") + (parts.length > SHOWN ? " …" : ""), () => {
        buttons.forEach((other) => other.setAttribute("aria-pressed", other === node));
        place.replaceChildren(...history(piece));
      });
      node.setAttribute("aria-pressed", "false");
      return node;
    });
    list.replaceChildren(...buttons);
  }
  show();
  return [field.node, line, list, place];
}

/* The steps of one piece, to move through: bytes at first, tokens at last. */
function history({ text, joins, ids, isSpecial }) {
  if (isSpecial) {
    return [h("p", { role: "status" }, "A special token: it is cut out of the text before any merge."),
      table("The tokens of this piece", ["token", "id"], [[text, String(ids[0])]])];
  }
  const last = joins.length;
  const place = h("div");
  const step = slider("Merges made", { min: 0, max: last, step: 1, value: last, onchange: draw,
    format: (n) => `${n} of ${last}` });
  function draw() {
    const parts = partsAfter(text, joins, step.value()), shown = parts.slice(0, SHOWN);
    const isLast = step.value() === last;
    const count = counted(parts.length, "part") + (parts.length > SHOWN ? `, the first ${SHOWN} are shown` : "");
    place.replaceChildren(
      h("div", { class: "live-tokens" }, shown.map((part) => h("span", {}, part))),
      isLast && parts.length <= SHOWN ? "" : h("p", { role: "status" }, count),
      isLast ? table("The tokens of this piece", ["token", "id"],
        shown.map((part, i) => [part, String(ids[i])])) : "");
  }
  draw();
  return [step.node, place];
}
