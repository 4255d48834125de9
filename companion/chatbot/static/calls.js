// Calls of tools: their names, arguments and results, and the question whether one may run.

import { button, element } from "./element.js";

export function callBox({ name, arguments: given, result }) {
  const state = result === null || result === undefined ? "no result" : failed(result) ? "failed" : "done";
  return element("details", { class: `call ${state.replace(" ", "-")}` },
    element("summary", {}, element("span", { class: "name" }, name), ` ${oneLine(given)} `,
      element("span", { class: "state" }, state)),
    element("p", { class: "label" }, "Arguments"), jsonText(given),
    element("p", { class: "label" }, "Result"), jsonText(readable(result ?? "none")));
}

// A call that is running, or waits to be allowed.
export function runningCall({ name, arguments: given }) {
  return element("p", { class: "call" },
    element("span", { class: "name" }, name), ` ${oneLine(given)} `, element("span", { class: "state" }, "running"));
}

// Ask whether a tool may run; "decide" is called with the answer.
export function approvalBox({ name, arguments: given, seconds, question }, decide) {
  const title = element("p", { id: `question-${question}` },
    "May the model call ", element("strong", {}, name), "?");
  const box = element("div",
    { class: "approval", role: "group", tabindex: -1, "aria-labelledby": `question-${question}` },
    title, jsonText(given));
  const answer = (allow) => () => {
    for (const one of box.querySelectorAll("button")) one.disabled = true;
    decide(question, allow);
  };
  box.append(
    element("div", { class: "row" },
      button("Allow", answer(true), { class: "main" }), button("Refuse", answer(false))),
    element("p", { class: "note" }, `Without an answer within ${Math.round(seconds)} seconds it is refused.`));
  return box;
}

function jsonText(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 1);
  return element("pre", { tabindex: 0 }, text);
}

function oneLine(value) {
  const text = typeof value === "string" ? value
    : Object.entries(value ?? {}).map(([name, part]) => `${name}: ${JSON.stringify(part)}`).join(", ");
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

function readable(result) {
  try { return JSON.parse(result); } catch { return result; }
}

function failed(result) {
  const value = readable(result);
  return value !== null && typeof value === "object" && "error" in value;
}
