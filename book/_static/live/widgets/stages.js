/* What each stage of training changed: two of the models, side by side. */

import { choice, h, row, status, table } from "../view.js";

/* models: names with commas; rows: "measure: value, value, ..." on lines, a number with its unit. */
export default function stages({ models, rows, from, to }) {
  const names = models.split(",").map((name) => name.trim());
  const measures = rows.split("\n").map((line) => {
    const [name, values] = line.split(": ");
    return { name, values: values.split(",").map((value) => value.trim()) };
  });
  const before = choice("From", names, { value: from, onchange: draw });
  const after = choice("To", names, { value: to, onchange: draw });
  const line = status(), place = h("div");

  function draw() {
    const [a, b] = [before, after].map((field) => names.indexOf(field.value()));
    const changes = measures.map(({ name, values }) => ({ name, values, change: parseFloat(values[b]) - parseFloat(values[a]) }));
    place.replaceChildren(table(`From ${names[a]} to ${names[b]}`, ["measure", names[a], names[b], "change"],
      changes.map(({ name, values, change }) => [name, values[a], values[b], signed(change, values[b])])));
    const count = changes.filter(({ change }) => change !== 0).length;
    line.textContent = a === b ? "Twice the same model: choose two." : `${count} of ${measures.length} measures changed.`;
  }
  draw();
  return [row(before, after), line, place];
}

/* A difference with as many decimals as its number has. Of two shares it is in percentage points. */
function signed(change, like) {
  const digits = like.match(/\.(\d+)/)?.[1].length ?? 0;
  const unit = like.endsWith("%") ? " points" : "";
  return change === 0 ? "none" : `${change > 0 ? "+" : ""}${change.toFixed(digits)}${unit}`;
}
