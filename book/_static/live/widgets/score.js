/* How likely a text is, token by token. */

import { modelPanel } from "../model_panel.js";
import { bars, counted, h, textField } from "../view.js";

const START = "<|endoftext|>"; // so that the first token has a probability, too
const MOST = 10; // nats; a token that costs as much has the full color

/* first: "yes" if the first token counts as well, given the start of a document. */
export default function score({ text, first = "yes" }) {
  const field = textField("Your text", text);
  const place = h("div");

  async function run(request) {
    const tokens = await request("score", { text: (first === "yes" ? START : "") + field.value() });
    if (!tokens.length) throw new Error("There is one token, and nothing before it. Write more.");
    const rows = tokens.map(({ name, logprob }) =>
      ({ name, share: Math.exp(logprob), text: Math.exp(logprob).toFixed(2) }));
    place.replaceChildren(colored(tokens),
      bars("Each token, given those before it", ["token", "probability"], rows));
    const sum = tokens.reduce((total, { logprob }) => total + logprob, 0);
    return `${counted(tokens.length, "token")}, ${(-sum).toFixed(1)} nats in all, `
      + `${(-sum / tokens.length).toFixed(2)} nats per token, `
      + `perplexity ${Math.exp(-sum / tokens.length).toFixed(1)}.`;
  }

  return [field.node, ...modelPanel({ run, text: "Score it", results: [place] }).nodes, place];
}

/* The text with the costly tokens on a colored ground; the table below says the same in numbers. */
function colored(tokens) {
  return h("p", { class: "live-tokens" }, tokens.map(({ name, logprob }) => {
    const share = Math.round(30 * Math.min(1, -logprob / MOST)); // text stays readable on 30 %
    const ground = `color-mix(in srgb, var(--pst-color-primary) ${share}%, transparent)`;
    return h("span", { style: `background:${ground}`, title: `${(-logprob).toFixed(1)} nats` }, name);
  }));
}
