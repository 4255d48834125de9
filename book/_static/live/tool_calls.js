/* Reads a call that a model has written, checks it, and runs it. */

import { calculate, PythonNumber } from "./arithmetic.js";

/* The tools by name: what they take, and the function. `weather` maps cities to observations. */
export function toolbox(weather) {
  return {
    calculator: { parameters: { expression: "string" }, run: ({ expression }) => ({ value: calculate(expression) }) },
    get_weather: { parameters: { city: "string" }, run: ({ city }) => {
      if (!Object.hasOwn(weather, city)) throw new Error(`there is no observation for ${city}`);
      return weather[city];
    } },
  };
}

/* The system message from which pocket-chat learns of its tools. */
export function declaration(tools) {
  const declared = Object.entries(tools).map(([name, { parameters }]) => ({ name, parameters }));
  return `You can call these tools: ${spaced(declared)}`;
}

/* JSON with a space after commas and colons, as Python writes it. */
export function spaced(value) {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (value instanceof PythonNumber) return String(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${spaced(item)}`);
  return `{${pairs.join(", ")}}`;
}

/* A call as {name, arguments}, or null: the text is an answer. There is no repair and no guess. */
export function parseCall(text) {
  try {
    const call = JSON.parse(text);
    return typeof call?.name === "string" && typeof call.arguments === "object" ? call : null;
  } catch {
    return null;
  }
}

/* What is wrong with a call, in words; null if nothing is. */
export function problem(call, tools) {
  if (!Object.hasOwn(tools, call.name)) return `there is no tool ${call.name}`;
  const wanted = Object.keys(tools[call.name].parameters), given = Object.keys(call.arguments ?? {});
  if (wanted.join() !== given.join()) return `${call.name} takes ${wanted.join(", ")}, got ${given.join(", ")}`;
  const wrong = given.find((name) => typeof call.arguments[name] !== "string");
  return wrong ? `${wrong} must be a text` : null;
}

/* What the model is told: the result, or the error, as JSON. */
export function runCall(call, tools) {
  const wrong = problem(call, tools);
  try {
    return spaced(wrong ? { error: wrong } : tools[call.name].run(call.arguments));
  } catch (error) {
    return spaced({ error: error.message });
  }
}
