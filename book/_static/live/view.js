/* What widgets are made of: fields, bars, tables. Every field has a label, every bar stands in a table
   whose cells say the same in words, so that keyboard and screen reader find everything. */

import { button, counted, element as h, grouped } from "../elements.js";

export { button, counted, grouped, h };

let count = 0;

function labelled(text, input) {
  input.id = `live-field-${++count}`;
  return h("div", { class: "live-field" }, h("label", { for: input.id }, text), input);
}

/* A slider that says its value. `format` writes it. Returns {node, value()}. */
export function slider(text, { min, max, step, value, format = String, onchange = () => {} }) {
  const input = h("input", { type: "range", min, max, step, value });
  const node = labelled(`${text} `, input);
  const output = h("output", { for: input.id });
  const show = () => {
    output.value = format(Number(input.value));
    input.setAttribute("aria-valuetext", output.value);
  };
  input.addEventListener("input", () => { show(); onchange(); });
  node.firstChild.append(output);
  show();
  return { node, value: () => Number(input.value) };
}

/* A whole number to type. What is none, or too small or large, is told; the nearest that is allowed
   counts, and for an empty field the smallest. */
export function number(text, { min, max, value, onchange = () => {} }) {
  const input = h("input", { type: "number", min, max, step: 1, value, oninput: () => { show(); onchange(); } });
  const node = labelled(text, input);
  const note = h("p", { class: "live-note live-error", role: "status", id: `${input.id}-note` });
  input.setAttribute("aria-describedby", note.id);
  node.append(note);
  const nearest = () => Math.min(max, Math.max(min, Math.round(Number(input.value)) || min));
  const show = () => {
    const isRight = input.value !== "" && Number(input.value) === nearest();
    input.setAttribute("aria-invalid", !isRight);
    note.textContent = isRight ? ""
      : `A whole number from ${grouped(min)} to ${grouped(max)}, please. ${grouped(nearest())} counts.`;
  };
  return { node, value: nearest, set: (other) => { input.value = other; show(); } };
}

/* A text to write. `filled` gives it where it must not be blank, and throws an Error in words if it is. */
export function textField(text, value, { rows = 2, onchange = () => {} } = {}) {
  const input = h("textarea", { rows, spellcheck: "false", oninput: () => onchange() });
  input.value = value;
  const filled = (noun) => {
    if (!input.value.trim()) throw new Error(`There is no ${noun}. Write one.`);
    return input.value;
  };
  return { node: labelled(text, input), value: () => input.value, filled, set: (v) => { input.value = v; } };
}

/* One of several; options is a list of texts, or of [value, text]. */
export function choice(text, options, { value, onchange = () => {} } = {}) {
  const input = h("select", { onchange: () => onchange() }, options.map((option) => {
    const [key, shown] = Array.isArray(option) ? option : [option, option];
    return h("option", { value: key, selected: String(key) === String(value) }, String(shown));
  }));
  return { node: labelled(text, input), value: () => input.value };
}

/* Yes or no. */
export function check(text, { checked = false, onchange = () => {} } = {}) {
  const input = h("input", { type: "checkbox", checked, onchange: () => onchange() });
  const node = h("label", { class: "live-check" }, input, ` ${text}`);
  return { node, value: () => input.checked };
}

export function row(...fields) {
  return h("div", { class: "live-row" }, fields.map((field) => field.node ?? field));
}

/* A place whose changes are read out. */
export function status() {
  return h("p", { role: "status", class: "live-status" });
}

/* A table: head is a list of texts, rows are lists of texts or elements. It scrolls by itself. */
export function table(caption, head, rows) {
  return h("div", { class: "live-scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, at) =>
        at === 0 ? h("th", { scope: "row" }, cell) : h("td", {}, cell)))))));
}

/* A bar as long as its share of `most`; what it means stands in a cell beside it. */
export function bar(share, most = 1) {
  const length = Math.max(0, Math.min(1, share / most));
  return h("span", { class: "live-bar", style: `width:${(100 * length).toFixed(1)}%`, "aria-hidden": "true" });
}

/* Rows of {name, share, text} as a table with bars; `text` is one cell, or a list of them. */
export function bars(caption, head, rows, most = 1) {
  const node = table(caption, [...head, "as a bar"], rows.map(({ name, share, text }) =>
    [name, ...[text].flat(), h("span", { class: "live-track" }, bar(share, most))]));
  node.classList.add("live-bars");
  return node;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/* Bytes in the largest unit of which there is a half: 0.6 GiB, 300.0 MiB; in steps of 1,000, 0.6 GB. */
export function sized(bytes, { step = 1024, digits = 1 } = {}) {
  const units = step === 1024 ? ["KiB", "MiB", "GiB"] : ["kB", "MB", "GB"];
  const power = [3, 2, 1].find((one) => bytes >= step ** one / 2);
  if (!power) return counted(bytes, "byte");
  const fixed = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${(bytes / step ** power).toLocaleString("en-US", fixed)} ${units[power - 1]}`;
}

/* Bytes as 4.9 MB. */
export const megabytes = (bytes, digits = 1) => `${(bytes / 1e6).toFixed(digits)} MB`;
