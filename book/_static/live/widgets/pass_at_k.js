/* The chance that one of k tries is right, from counted answers: typed, or those of the recorded run. */

import { meanOf, passAtK, shortcut } from "../pass_at_k.js";
import { bars, choice, counted, h, number, percent, row, slider, status, textField } from "../view.js";
import { fetchFile, fetchManifest } from "../weights.js";

const FOLDER = new URL("../models/", import.meta.url).href;
const OWN = "counts of your own";
const MOST = 1000; // problems, and tries

/* counts: right answers of each problem, with commas; tries: answers drawn to each. */
export default function pass({ counts, tries = "8" }) {
  const source = choice("Counts", [OWN], { onchange: choose });
  const field = textField("Right answers of each problem", counts, { rows: 2, onchange: draw });
  const drawn = number("Answers drawn to each, n", { min: 1, max: MOST, value: tries, onchange: draw });
  const asked = slider("Tries, k", { min: 1, max: 32, step: 1, value: 4, onchange: draw });
  const place = h("div"), line = status(), note = h("p", { class: "live-note", role: "status" });
  let recorded = {};

  async function load() {
    try {
      const { records } = await fetchManifest(FOLDER);
      const { thinking } = JSON.parse(new TextDecoder().decode(await fetchFile(FOLDER, records)));
      recorded = thinking;
      const list = source.node.querySelector("select");
      for (const name of Object.keys(recorded)) list.append(h("option", { value: name }, name));
      note.textContent = "The list of counts has those of the recorded run, too.";
    } catch (error) {
      note.textContent = `The counts of the recorded run are not here. ${error.message}`;
    }
  }

  function choose() {
    const found = recorded[source.value()];
    if (found) {
      field.set(found.counts.join(", "));
      drawn.set(found.tries);
    }
    draw();
  }

  function draw() {
    const n = drawn.value(), texts = field.value().split(/[\s,;]+/).filter(Boolean), list = texts.map(Number);
    if (!list.length || list.length > MOST || !list.every((c) => Number.isInteger(c) && c >= 0 && c <= n)) {
      place.replaceChildren();
      line.textContent = `Write whole numbers from 0 to ${n}, one for each problem, at most ${MOST} of them.`;
      return;
    }
    const k = Math.min(asked.value(), n), at = (estimate, tried) => meanOf(estimate, n, list, tried);
    const shown = [...new Set([1, 2, 3, 4, 5, 6, 7, 8, 16, 32, k])].filter((tried) => tried <= n).sort((a, b) => a - b);
    place.replaceChildren(bars("A right one among k tries", ["k", "pass@k", "shortcut"], shown.map((tried) => ({
      name: String(tried), share: at(passAtK, tried),
      text: [at(passAtK, tried).toFixed(2), at(shortcut, tried).toFixed(2)] }))));
    const unsolved = list.filter((c) => c === 0).length;
    line.textContent = `${counted(list.length, "problem")}: pass@${k} is ${percent(at(passAtK, k))}. `
      + `${unsolved} of ${list.length} have no right answer among ${n}.${k < asked.value() ? ` There ${n === 1 ? "is" : "are"} only ${counted(n, "answer")} to choose from.` : ""}`;
  }
  draw();
  load();
  return [source.node, field.node, row(drawn, asked), place, line, note];
}
