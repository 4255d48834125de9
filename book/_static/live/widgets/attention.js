/* The inside of one pass: what each token looks at, what the model would say after each layer, and what
   changes when a head is switched off. */

import { modelPanel } from "../model_panel.js";
import { button, check, choice, h, percent, row, table, textField } from "../view.js";

export default function attention({ text, layers = "6", heads = "4" }) {
  const numbers = (count) => Array.from({ length: count }, (_, i) => i);
  const field = textField("Your text", text);
  const layer = choice("Layer", numbers(layers), { onchange: draw });
  const head = choice("Head", numbers(heads), { onchange: draw });
  const without = check("switch this head off", { onchange: () => panel.go() });
  const map = h("div"), lens = h("div");
  let found = null;

  async function run(request) {
    const name = `${layer.value()}.${head.value()}`;
    const whole = await request("inside", { text: field.value() });
    found = whole;
    if (without.value()) found = await request("inside", { text: field.value(), off: [name] });
    draw();
    drawLens(whole);
    const [now] = found.candidates, [before] = whole.candidates;
    const all = `The model goes on with ${before.name} (${percent(before.share)}).`;
    return without.value()
      ? `${all} Without head ${head.value()} of layer ${layer.value()}: ${now.name} (${percent(now.share)}).`
      : all;
  }

  function draw() {
    if (!found) return;
    const { tokens, attentions } = found;
    const weights = attentions[layer.value()][head.value()];
    const rows = weights.map((seen, t) => [tokens[t], ...tokens.map((_, at) => cell(seen[at]))]);
    const grid = table("Each row: how much its token looks at the tokens of the columns, in percent",
      ["token", ...tokens], rows);
    grid.querySelector("table").classList.add("live-map");
    map.replaceChildren(grid);
  }

  function drawLens(whole) {
    const rows = found.lens.map((top, at) => [
      at === 0 ? "embedding" : `layer ${at - 1}`,
      ...top.slice(0, 3).map(({ name, share }) => `${name} ${percent(share)}`),
    ]);
    lens.replaceChildren(table("Logit lens: what the last vector would predict after each layer",
      ["after", "first", "second", "third"], rows));
  }

  const panel = modelPanel({ run, text: "Look inside" });
  return [field.node, row(layer, head, without), ...panel.nodes, map, lens];
}

/* A weight as a number on a ground as dark as it is large; text stays readable on it. */
function cell(weight) {
  if (weight === undefined) return "";
  const ground = `color-mix(in srgb, var(--pst-color-primary) ${Math.round(30 * weight)}%, transparent)`;
  return h("span", { style: `display:block;background:${ground}` }, Math.round(100 * weight).toString());
}
