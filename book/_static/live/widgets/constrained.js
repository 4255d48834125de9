/* A message becomes JSON of a schema: which tokens the schema allows at each step, and what the model wanted. */

import { modelPanel } from "../model_panel.js";
import { problem } from "../schema_prefix.js";
import { counted, grouped, h, percent, table, textField } from "../view.js";

const MOST_TOKENS = 80, VOCABULARY = 2048;

/* text: a message; ask: the prompt, with {text} where it goes; schema: the rule, as JSON. */
export default function constrained({ text: given, ask, schema }) {
  const message = textField("Message", given, { rows: 3 });
  const rule = textField("Schema", JSON.stringify(JSON.parse(schema), null, 1), { rows: 8 });
  const written = h("p", { class: "live-out", "aria-label": "The JSON" }), place = h("div");

  function read() {
    let value;
    try {
      value = JSON.parse(rule.value());
    } catch {
      throw new Error("The schema is not JSON. Look for a missing comma, quotation mark or brace.");
    }
    const wrong = problem(value);
    if (wrong) throw new Error(`The schema can't be used here. ${wrong}`);
    return value;
  }

  async function run(request) {
    written.replaceChildren();
    place.replaceChildren();
    const text = message.filled("message"), rows = [];
    const messages = [{ role: "user", content: ask.replace("{text}", () => text) }];
    let last = null;
    await request("json", { messages, schema: read(), maxNewTokens: MOST_TOKENS }, (step) => {
      last = step;
      written.textContent = step.text;
      rows.push([step.name, grouped(step.allowed), percent(step.share), `${step.wished} ${percent(step.wishedShare)}`]);
    });
    place.replaceChildren(table("Step by step", ["token", `allowed of ${grouped(VOCABULARY)}`, "their probability", "without the mask"], rows));
    const other = rows.filter(([name, , , wished]) => !wished.startsWith(`${name} `)).length;
    const end = last.reason === "length" ? `Cut off after ${MOST_TOKENS} tokens, so this is no JSON yet.` : "Valid JSON of the schema.";
    return `${end} At ${other} of ${counted(rows.length, "step")} the model would have written something else.`;
  }

  return [message.node, rule.node, ...modelPanel({ model: "chat", run, text: "Write JSON", results: [written, place] }).nodes,
    written, place];
}
