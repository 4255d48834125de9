/* Search by words in the passages of this book. */

import { BM25 } from "../bm25.js";
import { tooLong } from "../limits.js";
import { fetchFile, fetchManifest } from "../weights.js";
import { bars, bar, button, h, row, slider, status, table, textField } from "../view.js";

const FOLDER = new URL("../models/", import.meta.url).href;

export default function retrieval({ text, k = "3" }) {
  const field = textField("Your question", text, { onchange: () => search() });
  const most = slider("Passages", { min: 1, max: 10, step: 1, value: k, onchange: () => search() });
  const least = slider("Lowest score", { min: 0, max: 10, step: 0.25, value: 0, format: (x) => x.toFixed(2),
    onchange: () => search() });
  const line = status(), place = h("div");
  let data = null, index = null;

  async function load() {
    line.textContent = "Loading the passages.";
    try {
      const { passages } = await fetchManifest(FOLDER);
      data = JSON.parse(new TextDecoder().decode(await fetchFile(FOLDER, passages)));
      index = new BM25(data.passages.map(({ text: passage }) => passage), { skipped: data.skipped });
      search();
    } catch (error) {
      line.textContent = error.message;
    }
  }

  function search() {
    if (!index) return;
    const problem = tooLong(field.value());
    if (problem) {
      line.textContent = problem;
      place.replaceChildren();
      return;
    }
    const all = index.search(field.value(), most.value());
    const hits = all.filter(({ score }) => score >= least.value());
    line.textContent = hits.length
      ? `${hits.length} of ${data.passages.length} passages. The words of the best: ${hits[0].words.join(", ")}.`
      : all.length ? "No passage reaches the lowest score. The answer would be: the book does not say."
        : "No passage has one of these words.";
    place.replaceChildren(hits.length ? table("The passages with the highest scores",
      ["page", "score", "heading", "passage"], hits.map(({ at, score }) => {
        const { source, heading, text: passage } = data.passages[at];
        return [source, score.toFixed(2), heading, `${passage.slice(0, 160)} ...`];
      })) : "");
  }
  load();
  return [field.node, row(most, least), line, place];
}
