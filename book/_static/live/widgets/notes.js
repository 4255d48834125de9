/* Answers from notes: the search by words, the threshold, the prompt, and what the model makes of it. */

import { BM25, ENGLISH } from "../bm25.js";
import { groundedPrompt } from "../grounding.js";
import { checkLength } from "../limits.js";
import { modelPanel } from "../model_panel.js";
import { h, row, slider, table, textField } from "../view.js";

const REFUSAL = "The documents do not say.";
const SETTINGS = { temperature: 0, maxNewTokens: 32 };
const MOST = 200; // notes

export default function notes({ notes: given, question, k = "4" }) {
  const field = textField("Notes, one on each line", given, { rows: 5, onchange: draw });
  const asked = textField("Question", question, { rows: 1, onchange: draw });
  const most = slider("Passages, k", { min: 1, max: 8, step: 1, value: k, onchange: draw });
  const least = slider("Lowest score", { min: 0, max: 3, step: 0.05, value: 0, format: (x) => x.toFixed(2), onchange: draw });
  const found = h("div"), prompt = h("p", { class: "live-out", "aria-label": "The prompt" });
  const answer = h("p", { class: "live-out", "aria-label": "The answer" });
  let message = null; // what the model would be asked

  function search() {
    const texts = field.value().split("\n").map((line) => line.trim()).filter(Boolean);
    if (!texts.length) throw new Error("There are no notes. Write one on each line.");
    if (texts.length > MOST) throw new Error(`At most ${MOST} notes are searched here. Take some away.`);
    if (!asked.value().trim()) throw new Error("There is no question. Write one.");
    checkLength(field.value());
    checkLength(asked.value());
    const hits = new BM25(texts, { skipped: ENGLISH }).search(asked.value(), most.value());
    return hits.map(({ at, score }) => ({ text: texts[at], score }));
  }

  function draw() {
    answer.replaceChildren(); // it was the answer to another prompt
    message = null;
    try {
      const hits = search(), kept = hits.filter(({ score }) => score >= least.value());
      found.replaceChildren(hits.length ? table("Passages with a word of the question, the best first",
        ["score", "goes into the prompt", "passage"], hits.map(({ text, score }) =>
          [score.toFixed(2), score >= least.value() ? "yes" : "no", text])) : "");
      message = kept.length ? groundedPrompt(asked.value(), kept.map(({ text }) => text)) : "";
      prompt.textContent = message || `No passage is left, and the model is not asked. Answer: ${REFUSAL}`;
    } catch (error) {
      found.replaceChildren();
      prompt.textContent = error.message;
    }
  }

  async function run(request) {
    if (!message) {
      answer.replaceChildren();
      return message === null ? prompt.textContent : `Answer: ${REFUSAL} The model was not asked.`;
    }
    let said = "";
    const shown = message;
    await request("write", { messages: [{ role: "user", content: shown }], settings: SETTINGS }, (step) => {
      said = step.text;
      if (message === shown) answer.textContent = said;
    });
    return `pocket-chat answers: ${said}`;
  }
  draw();
  const { nodes } = modelPanel({ model: "chat", run, text: "Ask pocket-chat", results: [answer] });
  return [field.node, asked.node, row(most, least), found, prompt, ...nodes, answer];
}
