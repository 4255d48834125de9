/* A model before and after instruction tuning: the same request, in the same chat template. */

import { modelPanel } from "../model_panel.js";
import { h, table, textField } from "../view.js";

const MODELS = { "pocket-base": "base", "pocket-chat": "chat" };
const ENDS = { eos: "the end of its turn", length: "cut off here" };

export default function tuning({ text }) {
  const field = textField("Your request", text);
  const place = h("div");

  async function run(request) {
    const messages = [{ role: "user", content: field.filled("request") }];
    const settings = { temperature: 0, maxNewTokens: 32 };
    const rows = [];
    for (const [name, model] of Object.entries(MODELS)) {
      const cells = [name, "", ""];
      rows.push(cells);
      await request("write", { model, messages, settings }, ({ text: answer, reason }) => {
        cells[1] = answer.trim();
        cells[2] = ENDS[reason] ?? "";
        place.replaceChildren(table("What both write", ["model", "answer", "ends with"], rows));
      });
    }
    return `pocket-chat answers: ${rows[1][1]}`;
  }

  return [field.node, ...modelPanel({ models: 2, run, text: "Ask both", results: [place] }).nodes, place];
}
