/* Messages of the Model Context Protocol: write a request, read the answer of a server. */

import { PythonNumber } from "../arithmetic.js";
import { VERSION, request, respond } from "../json_rpc.js";
import { tooLong } from "../limits.js";
import { toolbox } from "../tool_calls.js";
import { choice, h, status, textField } from "../view.js";

const { calculator } = toolbox({});
const TOOLS = { calculator: { ...calculator, description: "Compute an arithmetic expression such as \"2 * (3 + 4)\"." } };
const call = (id, name, given) => request(id, "tools/call", { name, arguments: given });

/* JSON for people. A number of the calculator is written as Python does, where JSON.stringify writes 3 for 3.0. */
export function pretty(value) {
  const numbers = [];
  const mark = (_, item) => (item instanceof PythonNumber ? `\u0000${numbers.push(item) - 1}` : item);
  return JSON.stringify(value, mark, 1).replace(/"\\u0000(\d+)"/g, (text, number) => numbers[number] ?? text);
}

/* The cases of the page, and the two requests before them. */
export const REQUESTS = {
  "discover": pretty(request(0, "server/discover")),
  "list": pretty(request(1, "tools/list")),
  "right": pretty(call(2, "calculator", { expression: "6 * 7" })),
  "tool fails": pretty(call(3, "calculator", { expression: "1/0" })),
  "bad arguments": pretty(call(4, "calculator", { sum: "1+1" })),
  "unknown tool": pretty(call(5, "delete_all", {})),
  "old revision": pretty(request(6, "tools/list")).replace(VERSION, "2025-11-25"),
  "handshake": pretty(request(7, "initialize")),
  "not a request": '{"id": 8}',
  "not JSON": "tools/list, please",
};

export default function mcp({ start = "right" }) {
  const which = choice("Begin with", Object.keys(REQUESTS), { value: start, onchange: () => {
    field.set(REQUESTS[which.value()]);
    draw();
  } });
  const field = textField("The request, as it travels", REQUESTS[start], { rows: 12, onchange: draw });
  const line = status(), place = h("pre", { class: "live-out", tabindex: 0, role: "region", "aria-label": "The answer" });

  function draw() {
    const problem = tooLong(field.value());
    if (problem) {
      line.textContent = problem;
      place.replaceChildren();
      return;
    }
    const answer = respond(field.value(), TOOLS);
    place.textContent = pretty(answer);
    line.textContent = inWords(answer);
  }
  draw();
  return [which.node, field.node, line, place];
}

function inWords({ error, result }) {
  if (error) return `error ${error.code}: ${error.message}. The request is wrong, and no tool was asked.`;
  if (!("isError" in result)) return "A result. No tool was asked.";
  const [{ text }] = result.content;
  return result.isError ? `isError true: ${text}. The request was right, and the tool can't do it.` : `isError false: ${text}`;
}
