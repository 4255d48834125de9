/* What may follow a text, and what temperature and filters make of it. */

import { modelPanel } from "../model_panel.js";
import { bars, counted, h, percent, row, slider, table, bar, textField } from "../view.js";

const SHOWN = 12; // tokens
const CHANGED = "The text has changed. Press the button to read it."

export default function nextToken({ text, temperature = "1", topk = "0", topp = "1", minp = "0" }) {
  const field = textField("Your text", text, { onchange: () => stale() });
  const onchange = () => again();
  const heat = slider("Temperature", { min: 0, max: 3, step: 0.05, value: temperature, onchange,
    format: (t) => (t === 0 ? "0, greedy" : t.toFixed(2)) });
  const most = slider("Top-k", { min: 0, max: 100, step: 1, value: topk, onchange,
    format: (k) => (k === 0 ? "off" : counted(k, "token")) });
  const mass = slider("Top-p", { min: 0.05, max: 1, step: 0.01, value: topp, onchange,
    format: (p) => (p === 1 ? "off" : p.toFixed(2)) });
  const least = slider("Min-p", { min: 0, max: 1, step: 0.01, value: minp, onchange,
    format: (p) => (p === 0 ? "off" : p.toFixed(2)) });
  const place = h("div");
  let hasRun = false;

  async function run(request) {
    hasRun = true;
    const settings = { temperature: heat.value(), topK: most.value() || null, topP: mass.value(),
      minP: least.value() };
    const asked = field.value();
    const found = await request("next", { text: asked, settings, count: SHOWN });
    if (field.value() !== asked) return CHANGED;
    draw(found);
    const [first] = found.candidates;
    return `${counted(found.kept, "token is", "tokens are")} left. The likeliest, `
      + `${first.name}, has ${percent(first.shaped)}, and ${percent(first.raw)} without the filters.`;
  }

  function draw({ candidates, tokens }) {
    place.replaceChildren(table(
      `The ${SHOWN} likeliest tokens after ${counted(tokens.length, "token")} of text`,
      ["token", "model", "after the filters", "as a bar"],
      candidates.map(({ name, raw, shaped }) => [
        name, percent(raw), shaped > 0 ? percent(shaped) : "removed",
        h("span", { class: "live-track" }, bar(shaped)),
      ])));
    place.firstChild.classList.add("live-wide-bars");
  }

  const panel = modelPanel({ run, text: "Show what may follow", results: [place] });
  function again() {
    if (hasRun) panel.go(); // moving a slider asks again, once the reader has asked
  }
  function stale() { // the table is that of another text
    if (!place.firstChild) return;
    place.replaceChildren();
    panel.say(CHANGED);
  }
  return [field.node, row(heat, most), row(mass, least), ...panel.nodes, place];
}
