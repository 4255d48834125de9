/* The way of a text's last token through pocket-base: what each part adds, how large it is, and what the
   model would say if it stopped there. */

import { modelPanel } from "../model_panel.js";
import { counted, grouped, h, percent, table, textField } from "../view.js";

export default function journey({ text }) {
  const field = textField("Your text", text);
  const place = h("div");

  async function run(request) {
    const { tokens, id, parts, config } = await request("journey", { text: field.value() });
    const sizes = {
      embedding: `row ${grouped(id)} of a matrix ${grouped(config.vocab_size)} x ${config.hidden_size}`,
      attention: `${config.num_attention_heads} heads of ${config.head_dim}, over ${counted(tokens.length, "token")}`,
      MLP: `${config.hidden_size} to ${config.intermediate_size} and back`,
    };
    place.replaceChildren(table(`The way of ${tokens.at(-1)}, a vector of ${config.hidden_size} numbers`,
      ["part", "what it is", "length of what it adds", "length so far", "would say"],
      parts.map(({ part, layer, added, length, best }) => [
        layer === null ? part : `${part} ${layer}`, sizes[part], added.toFixed(1), length.toFixed(1),
        `${best.name} ${percent(best.share)}`,
      ])));
    const { best } = parts.at(-1);
    return `${counted(tokens.length, "token")}, ${config.num_hidden_layers} layers. After ${tokens.at(-1)} comes `
      + `${best.name} with ${percent(best.share)}.`;
  }

  return [field.node, ...modelPanel({ run, text: "Follow the last token", results: [place] }).nodes, place];
}
