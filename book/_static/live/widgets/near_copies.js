/* Are two texts near copies? Counted exactly, and guessed by MinHash. */

import { tooLong } from "../limits.js";
import { BANDS, compare, jaccard, matchProbability, shingles, signature } from "../near_copies.js";
import { counted, grouped, h, percent, slider, status, table, textField } from "../view.js";

const MOST = 3000; // characters: two such texts take about a second
const SHOWN = 40; // shingles

export default function nearCopies({ first, second }) {
  const one = textField("First text", first, { onchange: draw });
  const two = textField("Second text", second, { onchange: draw });
  const size = slider("Words in a shingle", { min: 1, max: 8, step: 1, value: 5, onchange: draw });
  const line = status(), guess = status(), place = h("div");

  function draw() {
    const texts = [one.value(), two.value()];
    const problem = texts.some((text) => !text.trim()) ? "One of the texts is empty. Write both."
      : tooLong(one.value(), MOST) ?? tooLong(two.value(), MOST);
    line.classList.toggle("live-error", problem !== null);
    if (problem) {
      line.textContent = problem;
      guess.textContent = "";
      place.replaceChildren();
      return;
    }
    const [a, b] = texts.map((text) => shingles(text, size.value()));
    const { shared, all, share } = jaccard(a, b);
    const { equal, bands } = compare(signature(a), signature(b));
    line.textContent = `${shared} of ${counted(all, "shingle")} in both: similarity ${share.toFixed(2)}.`;
    guess.textContent = `MinHash: ${equal} of 112 minima agree, an estimate of ${(equal / 112).toFixed(2)}. `
      + `${bands} of ${BANDS} bands agree, so the two are ${bands ? "" : "not "}taken for near copies; `
      + `at this similarity ${percent(matchProbability(share))} of pairs are.`;
    const runs = [...new Set([...a, ...b])];
    place.replaceChildren(table(`The shingles${runs.length > SHOWN ? `, the first ${SHOWN} of ${grouped(runs.length)}` : ""}`,
      ["shingle", "in the first", "in the second"],
      runs.slice(0, SHOWN).map((run) => [run, a.has(run) ? "yes" : "no", b.has(run) ? "yes" : "no"])));
  }
  draw();
  return [one.node, two.node, size.node, line, guess, place];
}
