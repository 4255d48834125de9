// The search page: sections of the book, ranked as one types.
//
// The index is MiniSearch's (BM25 over fields, beginnings of words, words with a typing mistake).
// What is the book's own: how text is cut into words, which words say nothing, what readers may type
// for the book's words, and that the definition of a term comes before the pages that use it.
// Data: `bookSections` of sections.js, which book/_ext/search_index.py writes; it is loaded once somebody types.

"use strict";

const WORD = /[\p{L}\p{N}]+(?:[-_.'’][\p{L}\p{N}]+)*/gu;
const WITHOUT_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+/gu;
const SAYS_NOTHING = new Set(
  ("a about an and are as at be by can do does for from get how i in is it my of on or that the "
    + "this to use using was what when where which who why with").split(" "));
const FACTOR = { glossary: 1.6, page: 1, exercise: 0.6, package: 0.7, reference: 0.3 };
const NAME = /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}\p{N}_]+)+$/u; // of the package, such as companion.generate
const SHOWN = 20;
const EXCERPT = 220; // characters

/** Words of a text. "top-p" is one, and so are "top" and "p"; Japanese is cut into pairs. */
function wordsOf(text) {
  const words = [];
  for (const word of text.toLowerCase().match(WORD) ?? []) {
    const runs = word.match(WITHOUT_SPACES);
    if (runs) {
      for (const run of runs) words.push(...pairs(run));
    }
    const rest = word.replace(WITHOUT_SPACES, " ").trim();
    if (!rest) continue;
    words.push(rest);
    const parts = rest.split(/[-_.'’]/);
    if (parts.length > 1) words.push(...parts, parts.join(""));
  }
  return words;
}

/** Words of a query: those that are put together stay so. */
function wholeWords(text) {
  return text.toLowerCase().match(WORD)?.flatMap((word) => {
    const runs = word.match(WITHOUT_SPACES) ?? [];
    const rest = word.replace(WITHOUT_SPACES, " ").trim();
    return [...runs.flatMap(pairs), ...(rest ? [rest] : [])];
  }) ?? [];
}

/** Whether two words have one stem: "tokenizer" and "tokenization", not "token" and "top". */
function areKin(one, other) {
  const shorter = Math.min(one.length, other.length);
  const stem = Math.max(5, shorter - 3);
  return one.startsWith(other) || other.startsWith(one)
    ? shorter > 2
    : shorter >= stem && one.slice(0, stem) === other.slice(0, stem);
}

const lastPart = (name) => name.split(".").at(-1);

function pairs(run) {
  const letters = [...run];
  return letters.length < 2 ? letters : letters.slice(1).map((letter, i) => letters[i] + letter);
}

/** The words of a query that say something; all of them, if none does. */
function wordsOfQuery(query) {
  const words = (query.toLowerCase().match(WORD) ?? []);
  const telling = words.filter((word) => !SAYS_NOTHING.has(word));
  return telling.length ? telling : words;
}

/** What the book says for a reader's words: the query, and others in its place. */
function queries(query, synonyms) {
  const asked = wordsOfQuery(query).join(" ");
  const others = Object.entries(synonyms).filter(([word]) => asked === word).map(([, other]) => other);
  return [asked, ...others];
}

class BookSearch {
  constructor({ pages, sections, synonyms }) {
    this.synonyms = synonyms;
    this.sections = sections.map(([page, kind, anchor, heading, text], id) => (
      { id, kind, heading, text, page: pages[page][1], url: `${pages[page][0]}.html#${anchor}`,
        isTop: id === 0 || sections[id - 1][0] !== page }));
    this.index = new MiniSearch({
      fields: ["heading", "page", "text"], tokenize: wordsOf, processTerm: (term) => term });
    this.index.addAll(this.sections);
  }

  /** Sections for a query, best first. */
  find(query) {
    const results = new Map();
    for (const asked of queries(query, this.synonyms)) {
      for (const { id, score } of this._ranked(asked)) {
        results.set(id, Math.max(score, results.get(id) ?? 0));
      }
    }
    const words = wholeWords(queries(query, this.synonyms).at(-1)); // the book's own word for it
    const row = words.length === 1 && !NAME.test(query.trim()) ? this._rows(words[0]) : () => 0;
    return [...results].map(([id, score]) => ({ section: this.sections[id], score }))
      .sort((a, b) => row(a.section) - row(b.section) || b.score - a.score)
      .map(({ section }) => section);
  }

  /** The order for a single word: its term, pages and sections named so, pages that begin with it, others, names. */
  _rows(word) {
    const others = { page: 4, glossary: 4, exercise: 5, reference: 5, package: 6 };
    return ({ kind, heading, isTop }) => {
      const isNamed = wordsOf(heading).some((other) => areKin(word, other));
      if (kind === "glossary" && isNamed && !isTop) return 0;
      if (kind === "page" && (isNamed || isTop)) return isNamed ? (isTop ? 1 : 2) : 3;
      return others[kind];
    };
  }

  _ranked(asked) {
    const options = {
      boost: { heading: 6, page: 2 }, fuzzy: (term) => (term.length > 4 ? 0.2 : false),
      prefix: (term) => term.length > 2, weights: { prefix: 0.4, fuzzy: 0.2 }, tokenize: wholeWords,
      boostDocument: (id) => this._worth(this.sections[id], asked),
    };
    const all = this.index.search(asked, { ...options, combineWith: "AND" });
    const some = () => this.index.search(asked, { ...options, tokenize: wordsOf });
    return all.length && !NAME.test(asked) ? all : some();
  }

  _worth({ kind, heading, isTop }, asked) {
    const name = heading.toLowerCase();
    const isIt = name === asked || name === `${asked}s` || `${name}s` === asked
      || (kind === "package" && NAME.test(asked) && lastPart(name) === lastPart(asked));
    return FACTOR[kind] * (isTop ? 1.5 : 1) * (isIt ? 4 : 1);
  }
}

/** The piece of a text where the most words of a query stand close together. */
function excerpt(text, words) {
  const lower = text.toLowerCase();
  let best = 0;
  let most = -1;
  for (let start = 0; start < Math.max(1, lower.length - EXCERPT / 2); start += 40) {
    const piece = lower.slice(start, start + EXCERPT);
    const count = words.filter((word) => piece.includes(word)).length;
    if (count > most) [best, most] = [start, count];
  }
  const start = best ? text.indexOf(" ", best) + 1 : 0;
  const end = start + EXCERPT < text.length ? text.lastIndexOf(" ", start + EXCERPT) : text.length;
  return (start ? "… " : "") + text.slice(start, end > start ? end : start + EXCERPT)
    + (end < text.length ? " …" : "");
}

/** A text as nodes, with the words of a query marked. */
function marked(text, words) {
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!escaped.length) return [document.createTextNode(text)];
  const pieces = text.split(new RegExp(`(${escaped.join("|")})`, "giu"));
  return pieces.filter(Boolean).map((piece) => {
    if (!words.includes(piece.toLowerCase())) return document.createTextNode(piece);
    const mark = document.createElement("mark");
    mark.textContent = piece;
    return mark;
  });
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const KIND = { glossary: "Glossary", exercise: "Exercise", package: "Package", reference: "References" };

function resultOf(section, words, root) {
  const link = element("a", "", ...marked(section.heading, words));
  link.href = root + section.url;
  const place = [KIND[section.kind], section.kind === "page" && !section.isTop ? section.page : ""];
  const where = element("span", "search-place", place.filter(Boolean).join(" · "));
  const text = element("p", "", ...marked(excerpt(section.text, words), words));
  return element("li", "", element("h2", "", link), where, text);
}

function show(search, query, shown) {
  const status = document.getElementById("search-status");
  const list = document.getElementById("search-results");
  const more = document.getElementById("search-more");
  const results = query.trim() ? search.find(query) : [];
  const words = queries(query, search.synonyms).flatMap(wordsOfQuery).map((word) => word.toLowerCase());
  const root = document.documentElement.dataset.content_root ?? "./";
  list.replaceChildren(...results.slice(0, shown).map((section) => resultOf(section, words, root)));
  more.hidden = results.length <= shown;
  const count = results.length === 1 ? "1 result" : `${results.length} results`;
  const none = "Nothing found. Try other or fewer words, or look into the glossary and the index of terms.";
  status.textContent = query.trim() ? (results.length ? count : none) : "";
}

/** Load the sections and index them, once: the page itself is light, and shows at once. */
function load(address) {
  return new Promise((resolve, reject) => {
    const script = element("script", "");
    script.src = address;
    script.onload = () => resolve(new BookSearch(bookSections));
    script.onerror = () => reject(new Error("sections.js"));
    document.head.append(script);
  });
}

function begin(address) {
  let search = null;
  const field = document.getElementById("search-field");
  const status = document.getElementById("search-status");
  let shown = SHOWN;
  let waiting = 0;
  const look = async () => {
    try {
      search ??= load(address);
      show(await search, field.value, shown);
    } catch {
      search = null;
      status.textContent = "What the search looks through could not be loaded. Type again to try again.";
    }
  };
  const update = () => {
    const here = new URL(location.href);
    here.searchParams.set("q", field.value);
    history.replaceState(null, "", here);
    return look();
  };
  field.addEventListener("input", () => {
    search ??= load(address);
    search.catch(() => {});
    clearTimeout(waiting);
    waiting = setTimeout(() => { shown = SHOWN; update(); }, 120);
  });
  field.form.addEventListener("submit", (event) => { event.preventDefault(); update(); });
  document.getElementById("search-more").addEventListener("click", async () => {
    const last = document.getElementById("search-results").children.length;
    shown += SHOWN;
    await update();
    document.querySelectorAll("#search-results a")[last]?.focus();
  });
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  if (field.value) look();
  field.focus();
}

if (typeof document !== "undefined") begin(new URL("sections.js", document.currentScript.src).href);
if (typeof module !== "undefined") module.exports = { BookSearch, areKin, excerpt, queries, wordsOf };
