/* Search in a few cells of a plane: which of the nearest points are found. */

import { cells, centers, points, search } from "../plane.js";
import { h, row, slider, status, table } from "../view.js";

const LEGEND = "Cross: the question. Large: the ten nearest points, filled if found, rings if missed. "
  + "Small and filled: the other points of the cells looked into.";
const NS = "http://www.w3.org/2000/svg";

export default function cellSearch({ x = "0.42", y = "0.45", probes = "1" }) {
  const range = { min: 0, max: 1, step: 0.01, format: (value) => value.toFixed(2), onchange: draw };
  const right = slider("Question, to the right", { ...range, value: x });
  const up = slider("Question, upwards", { ...range, value: y });
  const count = slider("Cells looked into, nprobe", { min: 1, max: centers.length, step: 1, value: probes, onchange: draw });
  const picture = h("div"), legend = h("p", { class: "live-note" }, LEGEND), line = status(), place = h("div");

  function draw() {
    const asked = [right.value(), up.value()];
    const { looked, best, found, compared } = search(asked, count.value());
    line.textContent = `${found.length} of the ${best.length} nearest points found; compared ${compared} places, `
      + `${centers.length} centers among them, in place of ${points.length}.`;
    picture.replaceChildren(drawing(asked, looked, best));
    place.replaceChildren(table("The cells, the nearest first", ["cell", "looked into", "points", "of the nearest"],
      search(asked, centers.length).looked.map((cell) => [String(cell + 1), looked.includes(cell) ? "yes" : "no",
        String(cells.filter((one) => one === cell).length), String(best.filter((at) => cells[at] === cell).length)])));
  }
  draw();
  return [count.node, row(right, up), line, picture, legend, place];
}

/* The points: those of cells that were looked into are darker; of the nearest ones, found are filled and
   missed are rings. The question is a cross. */
function drawing(asked, looked, best) {
  const node = svg("svg", { viewBox: "-1 -1 102 102", class: "live-plane", "aria-hidden": "true" });
  const at = ([x, y]) => [100 * x, 100 - 100 * y];
  points.forEach((point, i) => {
    const [cx, cy] = at(point), isSeen = looked.includes(cells[i]), isBest = best.includes(i);
    node.append(svg("circle", { cx, cy, r: isBest ? 1.5 : 0.8,
      class: `${isSeen ? "seen" : "unseen"}${isBest ? " best" : ""}` }));
  });
  const [x, y] = at(asked);
  node.append(svg("path", { d: `M${x - 2.5} ${y}h5M${x} ${y - 2.5}v5`, class: "question" }));
  return node;
}

function svg(name, attributes) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
