/* A conversation with pocket-chat, or with the open model where the site has its file. */

import { modelPanel } from "../model_panel.js";
import { answer, openFile } from "../open_model.js";
import { button, h, megabytes, slider, textField } from "../view.js";

/* Who can answer: name, the most tokens of an answer, what is to be known. */
const POCKET = { name: "pocket-chat", longest: 80 };
const OPEN = {
  name: "SmolLM2-135M-Instruct", longest: 200,
  note: "SmolLM2-135M-Instruct by Hugging Face (Apache-2.0), 135 million parameters in 4 bits, run in this page by "
    + "llama.cpp, which also rounds what passes between the layers: answers can differ from those that the book prints. "
    + "It knows more than pocket-chat, and is often wrong.",
};

/* open: "yes" if the open model is offered as well. */
export default function chat({ text, open = "no" }) {
  const turns = h("div", { "aria-live": "polite" });
  const field = textField("Your message", text);
  const heat = slider("Temperature", { min: 0, max: 2, step: 0.1, value: 0,
    format: (t) => (t === 0 ? "0, greedy" : t.toFixed(1)) });
  let speaker = POCKET, messages = [], seed = 0, file = null;

  async function run(request, { signal, onProgress }) {
    const content = field.value().trim();
    if (!content) throw new Error("There is no message. Write one first.");
    const asked = turn("You", content, "user"), reply = turn(speaker.name, "", "");
    const before = messages, said = [...messages, { role: "user", content }];
    const settings = { temperature: heat.value(), maxNewTokens: speaker.longest, seed: seed++ };
    let text = "", reason = null;
    const onPiece = (step) => {
      ({ text, reason } = step);
      reply.lastChild.textContent = text;
    };
    field.set(""); // the next message can be written meanwhile
    try {
      if (speaker === OPEN) await answer(file, said, settings, { onPiece, signal, onProgress });
      else await request("write", { messages: said, settings }, onPiece);
    } catch (error) {
      if (!signal.aborted || !text) { // a message without an answer goes back to its field
        asked.remove(), reply.remove();
        field.set([content, field.value()].filter(Boolean).join("\n"));
        throw error;
      }
    }
    if (messages !== before) return "The conversation starts over."; // while this was written
    messages = [...said, { role: "assistant", content: text }];
    return reason === "eos" ? `${speaker.name} has answered.` : "The answer was cut off here.";
  }

  function turn(who, content, kind) {
    const node = h("div", { class: `live-turn ${kind}` }, h("strong", {}, `${who}: `), h("span", {}, content));
    turns.append(node);
    return node;
  }

  function startOver() {
    messages = [];
    turns.replaceChildren();
    panel.stop();
    panel.say("");
  }

  const buttons = h("div", { class: "live-buttons" }, button("Start over", startOver));
  const panel = modelPanel({ model: "chat", run, text: "Send" });

  async function offer() {
    file = await openFile();
    if (!file) return;
    const other = button("", () => change(speaker === POCKET ? OPEN : POCKET));
    const change = (next) => {
      speaker = next;
      startOver();
      panel.describe(speaker.note);
      other.textContent = speaker === POCKET
        ? `Talk to ${OPEN.name} (loads ${megabytes(file.bytes, 0)} once)` : `Back to ${POCKET.name}`;
    };
    change(POCKET);
    buttons.append(other);
  }
  if (open === "yes") offer();
  return [turns, field.node, heat.node, ...panel.nodes, buttons];
}
