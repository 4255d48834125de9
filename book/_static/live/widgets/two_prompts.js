/* A weak and a strong prompt for the same text, and what pocket-chat makes of each. */

import { modelPanel } from "../model_panel.js";
import { h, row, table, textField } from "../view.js";

const SETTINGS = { temperature: 0, maxNewTokens: 40 };

export default function twoPrompts({ text, weak, strong }) {
  const field = textField("Your text", text, { onchange: stale });
  const prompts = [["first", weak], ["second", strong]].map(([name, prompt]) =>
    ({ name, field: textField(`${name === "first" ? "First" : "Second"} prompt; {text} is the text`, prompt, { onchange: stale }) }));
  const place = h("div");

  async function run(request) {
    const rows = [];
    for (const { name, field: prompt } of prompts) {
      const content = prompt.value().replace("{text}", () => field.filled("text"));
      if (!content.trim()) throw new Error(`The ${name} prompt is empty. Write one.`);
      const cells = [name, content, ""];
      rows.push(cells);
      await request("write", { messages: [{ role: "user", content }], settings: SETTINGS }, ({ text: answer }) => {
        cells[2] = answer.trim();
        place.replaceChildren(table("What pocket-chat answers", ["prompt", "what it read", "answer"], rows));
      });
    }
    return `After the second prompt: ${rows[1][2] || "nothing"}`;
  }

  const panel = modelPanel({ model: "chat", run, text: "Ask both", results: [place] });
  function stale() { // the answers were those to other prompts
    if (!place.firstChild) return;
    place.replaceChildren();
    panel.say("The prompts have changed. Press the button to ask them.");
  }
  return [field.node, row(...prompts.map((prompt) => prompt.field)), ...panel.nodes, place];
}
