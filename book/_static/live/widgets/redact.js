/* Personal data taken out of a text, before it is stored or sent. */

import { tooLong } from "../limits.js";
import { redact } from "../redaction.js";
import { counted, h, status, textField } from "../view.js";

const KINDS = {
  "[email]": ["e-mail address", "e-mail addresses"],
  "[phone]": ["phone number", "phone numbers"],
  "[card]": ["card number", "card numbers"],
};

export default function redaction({ text }) {
  const field = textField("Your text", text, { rows: 3, onchange: draw });
  const place = h("p", { class: "live-out", "aria-label": "What is stored" }), line = status();

  function draw() {
    const problem = tooLong(field.value());
    if (problem) {
      line.textContent = problem;
      place.replaceChildren();
      return;
    }
    const parts = redact(field.value()).split(/(\[email\]|\[phone\]|\[card\])/);
    place.replaceChildren(...parts.map((part) => (KINDS[part] ? h("b", {}, part) : part)));
    const counts = Object.entries(KINDS)
      .map(([mark, names]) => [parts.filter((part) => part === mark).length, ...names]);
    const taken = counts.filter(([count]) => count).map((row) => counted(...row));
    line.textContent = !field.value().trim() ? "There is no text. Write some."
      : taken.length ? `Taken out: ${taken.join(", ")}. Names, postal addresses and account numbers stay.`
        : "Nothing was found. That does not mean that nothing is there: names, postal addresses and account numbers stay.";
  }
  draw();
  return [field.node, place, line];
}
