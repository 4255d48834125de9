/* How likely a text is, token by token. */

import { modelPanel } from "../model_panel.js";
import { bars, h, textField } from "../view.js";

const START = "<|endoftext|>"; // so that the first token has a probability, too

export default function score({ text }) {
  const field = textField("Your text", text);
  const place = h("div");

  async function run(request) {
    const tokens = await request("score", { text: START + field.value() });
    const rows = tokens.map(({ name, logprob }) =>
      ({ name, share: Math.exp(logprob), text: Math.exp(logprob).toFixed(2) }));
    place.replaceChildren(bars("Each token, given those before it", ["token", "probability"], rows));
    const sum = tokens.reduce((total, { logprob }) => total + logprob, 0);
    return `${tokens.length} tokens, ${(-sum).toFixed(1)} nats in all, `
      + `${(-sum / tokens.length).toFixed(2)} nats per token, `
      + `perplexity ${Math.exp(-sum / tokens.length).toFixed(1)}.`;
  }

  return [field.node, ...modelPanel({ run, text: "Score it" }).nodes, place];
}
