// What an answer was read from: the passages, those that it cites, and marks in its text.

import { element } from "./element.js";

// One number or several: "[1]", "[1, 2]", "[^1]", "[Doc 1]", "[1†source]", "【1】". The server has the
// rules for what is a citation; here a mark gets no more than a hint.
const MARK = /[[【]\^?(?:[a-z]+\.?\s?)?(\d{1,9}(?:\s*[,;]\s*\d{1,9})*)(?:†[^\]】]*)?[\]】]/gi;

// Let "[1]" in an answer say which passage it means.
export function markCitations(body, { passages }) {
  if (!passages.length) return;
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("pre, code, .math")) texts.push(walker.currentNode);
  }
  for (const text of texts) text.replaceWith(...marked(text.data, passages));
}

function* marked(text, passages) {
  let end = 0;
  for (const found of text.matchAll(MARK)) {
    const meant = found[1].split(/[,;]/).map((number) => passages[Number(number) - 1]);
    if (!meant.every(Boolean)) continue;
    yield text.slice(end, found.index);
    yield element("span", { class: "cite", title: meant.map(place).join("\n") }, found[0]);
    end = found.index + found[0].length;
  }
  yield text.slice(end);
}

export function passageList({ passages }) {
  const cited = passages.filter((one) => one.cited).length;
  const title = cited ? `Sources (${cited})` : `Read, but not cited (${passages.length})`;
  const list = element("ol", {});
  for (const [at, one] of passages.entries()) {
    if (cited && !one.cited) continue;
    list.append(element("li", { value: at + 1 },
      element("span", { class: "origin" }, place(one)), " ", element("span", {}, one.text)));
  }
  return element("details", { class: "sources" }, element("summary", {}, title), list);
}

function place({ origin, page, heading }) {
  const parts = [origin, page && `page ${page}`, heading].filter(Boolean);
  return parts.join(", ");
}
