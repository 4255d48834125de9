/* Requests of different lengths on the slots of a server, with static and with continuous batching. */

import { idle, schedule } from "../scheduling.js";
import { counted, grouped, h, slider, status, table, textField } from "../view.js";

const MOST = 64, LONGEST = 200; // requests; tokens of one
const NS = "http://www.w3.org/2000/svg";
const WAYS = [["static", false], ["continuous", true]];

export default function batching({ lengths, slots = "4" }) {
  const field = textField("Tokens that each request asks for, in the order of arrival", lengths, { onchange: draw });
  const count = slider("Slots", { min: 1, max: 16, step: 1, value: slots, onchange: draw });
  const place = h("div"), pictures = h("div"), line = status();

  function draw() {
    const asked = field.value().split(/[\s,;]+/).filter(Boolean).map(Number);
    if (!asked.length || asked.length > MOST || !asked.every((n) => Number.isInteger(n) && n >= 1 && n <= LONGEST)) {
      place.replaceChildren();
      pictures.replaceChildren();
      line.textContent = `Write 1 to ${MOST} whole numbers from 1 to ${LONGEST}, with blanks or commas between them.`;
      return;
    }
    const found = WAYS.map(([name, isContinuous]) => ({ name, steps: schedule(asked, count.value(), isContinuous) }));
    place.replaceChildren(table("The same requests", ["batching", "steps", "slots × steps", "tokens written", "idle"],
      found.map(({ name, steps }) => {
        const places = steps.length * count.value();
        return [name, grouped(steps.length), grouped(places), grouped(places - idle(steps)),
          `${grouped(idle(steps))} (${(100 * idle(steps) / places).toFixed(0)}%)`];
      })));
    const longest = Math.max(...found.map(({ steps }) => steps.length));
    pictures.replaceChildren(...found.flatMap(({ name, steps }) =>
      [h("p", { class: "live-note" }, `${name}: each line is a slot, each step goes to the right`), drawing(steps, longest)]));
    const [first, second] = found.map(({ steps }) => steps.length);
    line.textContent = first === second ? `Both take ${counted(first, "step")}.`
      : `Continuous batching takes ${counted(second, "step")} in place of ${grouped(first)}.`;
  }
  draw();
  return [field.node, count.node, line, place, pictures];
}

/* One line for a slot: runs of a request, every second request lighter. The table says it in words. */
function drawing(steps, width) {
  const slots = steps[0].length, node = svg("svg", { viewBox: `0 0 ${width} ${slots}`, preserveAspectRatio: "none",
    class: "live-slots", style: `height:${Math.max(3, slots)}rem`, "aria-hidden": "true" });
  for (let slot = 0; slot < slots; slot++) {
    for (let from = 0; from < steps.length;) {
      const request = steps[from][slot];
      let end = from + 1;
      while (end < steps.length && steps[end][slot] === request) end++;
      if (request !== null) {
        node.append(svg("rect", { x: from, y: slot + 0.1, width: end - from, height: 0.8, class: request % 2 ? "odd" : "even" }));
      }
      from = end;
    }
  }
  return node;
}

function svg(name, attributes) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
