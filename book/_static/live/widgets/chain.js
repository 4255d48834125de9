/* A chain: values go into a template, the model answers, and a function takes the answer apart. */

import { checkLength } from "../limits.js";
import { modelPanel } from "../model_panel.js";
import { compare, fill, names } from "../templates.js";
import { h, table, textField } from "../view.js";

const SETTINGS = { temperature: 0, maxNewTokens: 32 };

/* "name: value" on lines; a line that begins with a space goes on with the value before. */
export function valuesOf(text) {
  const values = new Map();
  let last = null;
  for (const line of text.split("\n")) {
    const found = line.match(/^([\p{L}_][\p{L}\p{N}_]*):(?: (.*)|)$/u);
    if (found) values.set(last = found[1], found[2] ?? "");
    else if (line.startsWith(" ") && last) values.set(last, [values.get(last), line.slice(1)].filter(Boolean).join("\n"));
    else if (line.trim()) throw new Error(`"${line.slice(0, 40)}" is no value. Write "name: value", and a space in front of a line that goes on.`);
  }
  return values;
}

/* The answer and the number of its source, as the last part of the page's chain gives them. */
export function cite(text) {
  const at = text.indexOf(" [");
  if (at < 0) return { answer: text, source: null };
  return { answer: text.slice(0, at), source: text.slice(at + 2).replace(/\]+$/, "") || null };
}

export default function chain({ template, values }) {
  const words = textField("Template", template, { rows: 4, onchange: draw });
  const given = textField("Values", values, { rows: 4, onchange: draw });
  const prompt = h("p", { class: "live-out", "aria-label": "The prompt" });
  const line = h("p", { class: "live-note", role: "status" });
  const answer = h("p", { class: "live-out", "aria-label": "The answer" }), place = h("div");
  let message = null; // the filled template

  function draw() {
    answer.replaceChildren();
    place.replaceChildren();
    prompt.replaceChildren();
    message = null;
    try {
      const found = valuesOf(checkLength(given.value())), wanted = names(checkLength(words.value()));
      const { missing, extra } = compare(words.value(), found);
      line.textContent = inWords(wanted, missing, extra);
      if (missing.length) return;
      message = fill(words.value(), found);
      prompt.textContent = message;
    } catch (error) {
      line.textContent = error.message;
    }
  }

  async function run(request) {
    if (message === null) throw new Error(`The template is not filled. ${line.textContent}`);
    if (!message.trim()) throw new Error("The prompt is empty. Write a template.");
    let said = "";
    const shown = message;
    await request("write", { messages: [{ role: "user", content: shown }], settings: SETTINGS }, (step) => {
      said = step.text;
      if (shown === message) answer.textContent = said;
    });
    const { answer: text, source } = cite(said.trim());
    if (shown === message) place.replaceChildren(table("What the last part of the chain returns", ["field", "value"],
      [["answer", text], ["source", source ?? "None"]]));
    return `pocket-chat answers: ${said.trim()}`;
  }
  draw();
  return [words.node, given.node, line, prompt,
    ...modelPanel({ model: "chat", run, text: "Run the chain", results: [answer, place] }).nodes, answer, place];
}

function inWords(wanted, missing, extra) {
  if (missing.length) return `Missing: ${missing.join(", ")}. Both PromptTemplate and fill raise an error.`;
  if (extra.length) return `There is a value for ${extra.join(", ")}, which the template does not have. PromptTemplate ignores it, fill refuses it.`;
  return wanted.length ? `Variables: ${wanted.join(", ")}.` : "The template has no variables.";
}
