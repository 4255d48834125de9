/* The tool loop, step by step: the model writes, the program reads, checks, runs and tells. */

import { modelPanel } from "../model_panel.js";
import { declaration, parseCall, problem, runCall, toolbox } from "../tool_calls.js";
import { check, h, table, textField } from "../view.js";
import { fetchFile, fetchManifest } from "../weights.js";

const FOLDER = new URL("../models/", import.meta.url).href;
const MOST_STEPS = 4;
const SETTINGS = { temperature: 0, maxNewTokens: 64 };

export default function tools({ text }) {
  const field = textField("Your request", text);
  const allowed = check("the model may call tools", { checked: true });
  const place = h("div");
  let box = null;

  async function load(signal) {
    const { weather } = await fetchManifest(FOLDER, signal);
    const bytes = await fetchFile(FOLDER, weather, undefined, signal);
    box = toolbox(JSON.parse(new TextDecoder().decode(bytes)));
  }

  async function run(request, { signal }) {
    const content = field.filled("request");
    if (!box) await load(signal);
    const rows = [];
    const note = (who, what) => {
      rows.push([who, what]);
      place.replaceChildren(table("What each one said", ["who", "what"], rows));
    };
    const messages = [{ role: "user", content }];
    if (allowed.value()) messages.unshift({ role: "system", content: declaration(box) });
    for (const { role, content } of messages) note(role, content);
    for (let step = 0; step < MOST_STEPS; step++) {
      let written = "", reason = null;
      await request("write", { messages, settings: SETTINGS }, (piece) => { ({ text: written, reason } = piece); });
      note("model writes", written);
      if (reason === "length") return `Cut off after ${SETTINGS.maxNewTokens} tokens: neither a call nor an answer.`;
      const call = allowed.value() ? parseCall(written) : null;
      if (!call) return `Answer: ${written}`;
      note("program checks", problem(call, box) ?? "nothing to object to");
      const told = runCall(call, box);
      note("tool returns", told);
      messages.push({ role: "assistant", content: written }, { role: "tool", content: told });
    }
    return `Stopped after ${MOST_STEPS} calls without an answer.`;
  }

  return [field.node, allowed.node, ...modelPanel({ model: "chat", run, text: "Run the loop", results: [place] }).nodes, place];
}
