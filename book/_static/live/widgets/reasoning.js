/* One word problem, asked in four ways of one model: what the words before the answer are worth. */

import { modelPanel } from "../model_panel.js";
import { h, table, textField } from "../view.js";

/* The prompts of companion.prompts, by what is said before the answer: few_shot, chain_of_thought,
   step_by_step, zero_shot. shown: lists of [question, reasoning, answer]. */
export function prompts(question, shown) {
  const asked = (text, answer) => `Question: ${text}\nAnswer:${answer}`;
  const after = (blocks) => [...blocks, asked(question, "")].join("\n\n");
  return {
    [`${shown.length} examples, answers only`]: after(shown.map(([text, , answer]) => asked(text, ` ${answer}`))),
    [`${shown.length} examples with reasoning`]:
      after(shown.map(([text, why, answer]) => asked(text, ` ${why} The answer is ${answer}.`))),
    "\u201cLet's think step by step.\u201d": asked(question, " Let's think step by step."),
    "nothing said": asked(question, ""),
  };
}

/* examples: one a line, as "question | reasoning | answer". */
export default function reasoning({ question, examples }) {
  const shown = examples.split("\n").map((line) => line.split("|").map((part) => part.trim()));
  const field = textField("A word problem", question, { rows: 3 });
  const place = h("div");

  async function run(request) {
    const settings = { temperature: 0, maxNewTokens: 96, stop: ["\n"] };
    const rows = [];
    for (const [way, prompt] of Object.entries(prompts(field.filled("problem"), shown))) {
      const cells = [way, "", "0"];
      rows.push(cells);
      await request("write", { text: prompt, settings }, ({ text }) => {
        cells[1] = text.trim();
        cells[2] = String(Number(cells[2]) + 1);
        place.replaceChildren(table("What pocket-base writes", ["asked with", "answer", "tokens"], rows));
      });
    }
    return rows.slice(0, 2).map(([way, text]) => `After ${way}: \u201c${text}\u201d`).join(" ");
  }

  return [field.node, ...modelPanel({ run, text: "Ask in four ways", results: [place] }).nodes, place];
}
