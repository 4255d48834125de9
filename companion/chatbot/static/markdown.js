// Markdown to elements, block by block: markdown-it reads it, DOMPurify lets only harmless elements
// and attributes through, KaTeX sets formulas, highlight.js colors code.

import markdownit from "./vendor/markdown-it/markdown-it.esm.min.mjs";
import DOMPurify from "./vendor/dompurify/purify.es.mjs";
import hljs from "./vendor/highlight/highlight.min.js";
import { tex } from "./vendor/plugin-tex/index.js";
import { dress } from "./dressing.js";

const DISPLAY = [["\\[", "\\]"], ["$$", "$$"]];
const LONGEST_COLORED = 30000; // characters of code
const ALLOWED = {
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["class", "href", "rel", "start", "target"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const reader = markdownit({ html: false, breaks: true, highlight: color });
reader.disable("image"); // a picture would be fetched from elsewhere; its address stays as a link
reader.validateLink = (url) => ALLOWED.ALLOWED_URI_REGEXP.test(url);
reader.use(tex, { delimiters: "all", mathFence: true, render: formula });
reader.inline.ruler.before("escape", "display_in_a_sentence", displayInSentence);
reader.renderer.rules.math_display = (tokens, at) => formula(tokens[at].content, true);
reader.core.ruler.push("headings", lowerHeadings);
reader.renderer.rules.link_open = (tokens, at, options, env, self) => {
  tokens[at].attrSet("target", "_blank");
  tokens[at].attrSet("rel", "noopener noreferrer");
  return self.renderToken(tokens, at, options);
};
for (const cell of ["th_open", "td_open"]) {
  reader.renderer.rules[cell] = (tokens, at, options, env, self) => {
    const align = /text-align:(\w+)/.exec(tokens[at].attrGet("style") ?? "")?.[1];
    tokens[at].attrs = align ? [["class", align]] : null;
    return self.renderToken(tokens, at, options);
  };
}

// Return the blocks of a text, each as { html, line }: "line" is where it begins.
// "env" keeps from one call to the next what a text refers back to.
export function blocks(text, env) {
  const tokens = reader.parse(text, env);
  const found = [];
  for (let start = 0, at = 0; at < tokens.length; at += 1) {
    if (tokens[at].level > 0 || tokens[at].nesting > 0) continue;
    const html = reader.renderer.render(tokens.slice(start, at + 1), reader.options, env);
    found.push({ html, line: tokens[start].map?.[0] ?? 0 });
    start = at + 1;
  }
  return found;
}

// Return the elements of a block.
export function elements(html) {
  const fragment = DOMPurify.sanitize(html, ALLOWED);
  dress(fragment);
  return fragment.hasChildNodes() ? [...fragment.childNodes] : [new Text("")];
}

function color(code, language) {
  if (!hljs.getLanguage(language) || code.length > LONGEST_COLORED) return "";
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}

// A formula travels as its source through DOMPurify; see dressing.js.
function formula(source, display) {
  const kind = display ? "formula display" : "formula";
  return `<code class="${kind}">${reader.utils.escapeHtml(source)}</code>`;
}

// Models put formulas for a line of their own, \[ ... \] or $$ ... $$, into sentences as well.
function displayInSentence(state, silent) {
  const [open, close] = DISPLAY.find(([mark]) => state.src.startsWith(mark, state.pos)) ?? [];
  const end = open ? state.src.indexOf(close, state.pos + open.length) : -1;
  const source = state.src.slice(state.pos + 2, end);
  if (end < 0 || !source.trim()) return false;
  if (!silent) state.push("math_display", "math", 0).content = source;
  state.pos = end + close.length;
  return true;
}

// The page itself has the first two levels of headings, and no level is left out on the way down.
function lowerHeadings(state) {
  let last = state.env.heading ?? 2;
  for (const token of state.tokens) {
    if (token.type === "heading_open") last = Math.min(Number(token.tag[1]) + 2, last + 1, 6);
    if (token.type.startsWith("heading_")) token.tag = `h${last}`;
  }
}
