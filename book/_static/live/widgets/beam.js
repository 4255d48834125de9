/* Greedy decoding and beam search, step by step: the tree that they look at. */

import { modelPanel } from "../model_panel.js";
import { h, row, slider, table, textField } from "../view.js";

export default function beam({ text, beams = "4", tokens = "40" }) {
  const field = textField("Your text", text);
  const width = slider("Beams", { min: 1, max: 6, step: 1, value: beams,
    format: (n) => (n === 1 ? "1, greedy" : String(n)) });
  const length = slider("New tokens", { min: 1, max: 60, step: 1, value: tokens });
  const at = h("div"), tree = h("div"), place = h("div");
  let steps = [];

  async function run(request) {
    steps = [];
    const settings = { numBeams: width.value(), maxNewTokens: length.value() };
    try {
      await request("search", { text: field.value(), settings }, (step) => {
        steps.push(step);
        draw(steps.length - 1);
      });
    } finally { // the steps of a search that was stopped can be looked at, too
      if (steps.length) choose();
    }
    const [best] = steps.at(-1).ended;
    return `The likeliest text that was found has the log-probability ${best.total.toFixed(1)}, `
      + `${best.score.toFixed(2)} per token.`;
  }

  function choose() {
    const step = slider("Step", { min: 1, max: steps.length, step: 1, value: steps.length,
      onchange: () => draw(step.value() - 1) });
    at.replaceChildren(step.node);
  }

  function draw(number) {
    const { candidates, ended } = steps[number];
    const names = { runs: "goes on", ended: "has ended", dropped: "dropped" };
    tree.replaceChildren(table(`Step ${number + 1}: the continuations that compete`,
      ["text", "log-probability", "what becomes of it"],
      candidates.map(({ text: shown, total, state }) => [shown, total.toFixed(2), names[state]])));
    place.replaceChildren(ended.length ? table("Texts that have ended, best first",
      ["text", "log-probability", "per token"],
      ended.map(({ text: shown, total, score }) => [shown, total.toFixed(2), score.toFixed(2)])) : "");
  }

  const panel = modelPanel({ run, text: "Search", results: [at, tree, place] });
  return [field.node, row(width, length), ...panel.nodes, at, tree, place];
}
