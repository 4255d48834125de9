/* A conversation with pocket-chat. */

import { modelPanel } from "../model_panel.js";
import { button, h, slider, textField } from "../view.js";

const LONGEST = 80; // tokens of an answer

export default function chat({ text }) {
  const turns = h("div", { "aria-live": "polite" });
  const field = textField("Your message", text);
  const heat = slider("Temperature", { min: 0, max: 2, step: 0.1, value: 0,
    format: (t) => (t === 0 ? "0, greedy" : t.toFixed(1)) });
  let messages = [], seed = 0;

  async function run(request) {
    const content = field.value().trim();
    if (!content) throw new Error("There is no message. Write one first.");
    const asked = turn("You", content, "user"), answer = turn("pocket-chat", "", "");
    const said = [...messages, { role: "user", content }];
    let text = "", reason = null;
    try {
      const settings = { temperature: heat.value(), maxNewTokens: LONGEST, seed: seed++ };
      await request("write", { messages: said, settings }, (step) => {
        ({ text, reason } = step);
        answer.lastChild.textContent = text;
      });
    } catch (error) { // what was written stays in the field
      asked.remove(), answer.remove();
      throw error;
    }
    messages = [...said, { role: "assistant", content: text }];
    field.set("");
    return reason === "eos" ? "pocket-chat has answered." : "The answer was cut off here.";
  }

  function turn(who, content, kind) {
    const node = h("div", { class: `live-turn ${kind}` }, h("strong", {}, `${who}: `), h("span", {}, content));
    turns.append(node);
    return node;
  }

  const forget = button("Start over", () => {
    messages = [];
    turns.replaceChildren();
  });
  const panel = modelPanel({ model: "chat", run, text: "Send" });
  return [turns, field.node, heat.node, ...panel.nodes, h("div", {}, forget)];
}
