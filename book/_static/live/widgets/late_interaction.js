/* Late interaction: which partner each token of a question finds in a passage, and what is added. */

import { partners } from "../vectors.js";
import { check, choice, h, status, table } from "../view.js";

const FILE = new URL("../data/maxsim.json", import.meta.url);
const SCALE = 10000; // cosines are stored as whole numbers
const BROKEN = "The cosines did not arrive. Is there a connection? Reload the page, and try again.";

/* question: one of the two of the page's table. */
export default function lateInteraction({ question }) {
  const asked = choice("Question", [question], { onchange: choose });
  const passage = choice("Show the partners in", [""], { onchange: draw });
  const tokens = h("div", { class: "live-row", role: "group", "aria-label": "Tokens of the question that count" });
  const scores = h("div"), place = h("div"), text = h("p", { class: "live-out", "aria-label": "The passage" }), line = status();
  let data = null, boxes = [];

  async function load() {
    line.textContent = "Loading the cosines.";
    try {
      data = await (await fetch(FILE)).json();
    } catch {
      line.textContent = BROKEN;
      return;
    }
    const fill = (field, texts, chosen) => field.node.querySelector("select").replaceChildren(
      ...texts.map((one) => h("option", { value: one, selected: one === chosen }, one)));
    fill(asked, data.questions.map(({ text: one }) => one), question);
    fill(passage, data.passages.map(({ name }) => name), data.passages[0].name);
    choose();
  }

  function choose() {
    if (!data) return;
    boxes = data.questions.find(({ text: one }) => one === asked.value()).tokens
      .map((token) => check(token, { checked: true, onchange: draw }));
    tokens.replaceChildren(...boxes.map(({ node }) => node));
    draw();
  }

  function draw() {
    if (!data) return;
    const { tokens: words, cosines } = data.questions.find(({ text: one }) => one === asked.value());
    const found = cosines.map(partners), counts = boxes.map((box) => box.value());
    const sums = found.map((list) => list.reduce((sum, { score }, at) => sum + (counts[at] ? score : 0), 0) / SCALE);
    const best = data.passages[sums.indexOf(Math.max(...sums))].name;
    line.textContent = counts.includes(true) ? `${best} has the highest score.` : "No token counts: all scores are 0.";
    scores.replaceChildren(table("The sum of the best cosines", ["passage", "score"],
      data.passages.map(({ name }, at) => [name, sums[at].toFixed(1)])));
    const at = data.passages.findIndex(({ name }) => name === passage.value());
    text.textContent = data.passages[at].text;
    place.replaceChildren(table(`Partners in ${passage.value()}`, ["token of the question", "best partner", "cosine", "counts"],
      words.map((word, number) => [word, data.passages[at].tokens[found[at][number].partner],
        (found[at][number].score / SCALE).toFixed(2), counts[number] ? "yes" : "no"])));
  }
  load();
  return [asked.node, tokens, line, scores, passage.node, place, text];
}
