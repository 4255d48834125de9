/* Examples in a prompt: which of them the model gets, and what it makes of the question. */

import { modelPanel } from "../model_panel.js";
import { check, counted, h, textField } from "../view.js";

export default function fewShot({ examples, question, stop = "\n" }) {
  const all = examples.split("\n").filter(Boolean);
  const fields = all.map((example) => ({
    used: check("use it", { checked: true, onchange: draw }), text: textField("Example", example, { rows: 1, onchange: draw }),
  }));
  const asked = textField("Question", question, { rows: 1, onchange: draw });
  const place = h("p", { class: "live-out", "aria-label": "The prompt" });
  const answer = h("p", { class: "live-out", "aria-live": "polite", "aria-label": "The answer" });

  function prompt() {
    const used = fields.filter(({ used: box }) => box.value()).map(({ text }) => text.value());
    return [...used, asked.value()].join("\n");
  }

  function draw() {
    place.textContent = prompt();
  }

  async function run(request) {
    const settings = { temperature: 0, maxNewTokens: 20, stop: [stop] };
    let text = "";
    asked.filled("question");
    await request("write", { text: prompt(), settings }, (step) => {
      text = step.text;
      answer.textContent = text.trim();
    });
    const count = fields.filter(({ used }) => used.value()).length;
    return `With ${counted(count, "example")}: ${text.trim() || "nothing"}`;
  }
  draw();
  return [...fields.map(({ used, text }) => h("div", {}, text.node, used.node)), asked.node, place,
    ...modelPanel({ run, text: "Answer", results: [answer] }).nodes, answer];
}
