/* The decision guide, question by question. */

import { button, h, status, table } from "../view.js";

/* Each question leads with yes and no to another one or to an end; an end says what to do. */
export const QUESTIONS = {
  prompt: { text: "Is a good prompt with examples enough?", yes: "stop", no: "know" },
  know: { text: "Is knowledge missing that stands in documents?", yes: "rag", no: "act" },
  act: { text: "Is it an action, a calculation, or fresh data?", yes: "tools", no: "form" },
  form: { text: "Is the form wrong, or a skill missing?", yes: "tune", no: "model" },
  model: { text: "A better model it is. Does it fit into your memory?", yes: "larger", no: "quant" },
};
const ENDS = {
  stop: "Stop here. The cheapest lever was enough.",
  rag: "Retrieval: put the documents into an index, and passages into the prompt.",
  tools: "Tools: let the model ask, and let the program check and act.",
  tune: "Fine-tune with LoRA, on some hundreds of examples.",
  larger: "Take the better model.",
  quant: "Quantize the better model, in 4 bits first.",
};

export default function guide() {
  const line = status(), place = h("div");
  const yes = button("Yes", () => answer("yes")), no = button("No", () => answer("no"));
  const again = button("Start again", () => {
    path = [];
    draw();
    yes.focus();
  });
  let path = []; // [question, answer] so far

  const now = () => path.reduce((at, [, said]) => QUESTIONS[at][said], "prompt");

  function answer(said) {
    if (!QUESTIONS[now()]) return;
    path.push([now(), said]);
    draw();
  }

  function draw() {
    const isOpen = now() in QUESTIONS;
    for (const node of [yes, no]) node.ariaDisabled = isOpen ? null : "true"; // the keyboard stays where it is
    line.textContent = isOpen ? QUESTIONS[now()].text : `${ENDS[now()]} Then run your test again.`;
    place.replaceChildren(path.length ? table("Your way", ["question", "answer"],
      path.map(([name, said]) => [QUESTIONS[name].text, said])) : "");
  }
  draw();
  return [line, h("div", { class: "live-buttons" }, yes, no, again), place];
}
