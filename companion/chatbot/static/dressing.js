// What blocks of Markdown get beyond their elements: set formulas, code to copy, tables that scroll.

import "./vendor/katex/katex.min.js";
import { button, element, say } from "./element.js";

const { katex } = globalThis;
const LONGEST_FORMULA = 4000; // characters
const SAFE = { trust: false, maxSize: 20, maxExpand: 300, strict: "ignore", throwOnError: true,
  errorColor: "currentColor" };

export function dress(fragment) {
  for (const source of fragment.querySelectorAll("code.formula")) setFormula(source);
  for (const block of fragment.querySelectorAll("pre")) frameCode(block);
  for (const table of fragment.querySelectorAll("table")) frameTable(table);
}

// A formula that KaTeX can't read stays as it was written.
function setFormula(source) {
  const displayMode = source.classList.contains("display");
  const set = element("span", { class: displayMode ? "math display" : "math" });
  if (displayMode) set.tabIndex = 0; // it may be wider than the page, and then scrolls
  if (source.textContent.length > LONGEST_FORMULA) return;
  try {
    katex.render(source.textContent, set, { ...SAFE, displayMode });
  } catch {
    return;
  }
  source.replaceWith(set);
}

function frameCode(block) {
  const code = block.querySelector("code") ?? block;
  const language = /language-(\S+)/.exec(code.className)?.[1] ?? "text";
  const copy = button("Copy", () => copyText(code.textContent, copy), { class: "quiet" });
  copy.setAttribute("aria-label", "Copy this code");
  const head = element("div", { class: "code-head" }, element("span", {}, language), copy);
  block.tabIndex = 0;
  const frame = element("div", { class: "code" }, head);
  block.replaceWith(frame);
  frame.append(block);
}

function frameTable(table) {
  const frame = element("div", { class: "table", tabindex: 0, role: "region", "aria-label": "Table" });
  table.replaceWith(frame);
  frame.append(table);
}

export async function copyText(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    say("The browser does not allow copying.");
    return;
  }
  say("Copied.");
  const before = pressed.textContent;
  pressed.textContent = "Copied";
  setTimeout(() => { pressed.textContent = before; }, 1500);
}
