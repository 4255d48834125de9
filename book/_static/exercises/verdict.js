/* What the Worker says is not trusted: code that is checked there can send messages, too. */

const ELEMENTS = new Set(["BR", "CODE", "DIV", "EM", "LI", "P", "PRE", "SPAN", "STRONG", "UL"]);
const STYLE = /^[\w\s:;#.%-]*$/; // no url(...)

/* A verdict in the form that companion.exercises.browser gives it, or null if it is none. */
export function verdictOf({ state, share, html } = {}) {
  const isVerdict = typeof state === "string" && typeof html === "string" && share >= 0 && share <= 1;
  return isVerdict ? { state, share: Number(share), html } : null;
}

/* The HTML of companion.exercises.display as nodes: a few elements with a style, and text. Of anything
   else only the text is left; nothing in it is run or loaded. */
export function safeNodes(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html"); // runs and loads nothing
  return [...body.childNodes].flatMap(safe);
}

function safe(node) {
  if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.data)];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const inside = [...node.childNodes].flatMap(safe);
  if (!ELEMENTS.has(node.tagName)) return inside;
  const copy = document.createElement(node.tagName);
  const style = node.getAttribute("style") ?? "";
  if (style && STYLE.test(style)) copy.style.cssText = style;
  copy.append(...inside);
  return [copy];
}
