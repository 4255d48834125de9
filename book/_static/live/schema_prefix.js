/* Which texts can become JSON of a schema: the prefix test of the page on structured output.

   A schema has "enum", or a "type": boolean, integer (minimum and maximum), string (a pattern such as
   ^[a-z]{1,9}$), array (items and maxItems), object (properties, all of them wanted, in this order).
   Spaces stand behind commas and colons, as Python writes JSON. Inside of here a text is its UTF-8 bytes, each as
   one character: a token may end in the middle of a character, and the next one completes it. */

import { spaced } from "./tool_calls.js";

const MORE = null; // the text stops inside a value
const PATTERN = /^\^(\[(?:[^\]\\]|\\.)+\])\{(\d{1,3}),(\d{1,3})\}\$$/;
const NEEDS_ESCAPE = ["\"", "\\", ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))];
const BEYOND = Array.from({ length: 128 }, (_, at) => String.fromCharCode(128 + at));
const LIMITS = { range: 1000, items: 4, fields: 12, words: 100, depth: 3 };

/* The UTF-8 bytes of a text, each as one character. */
export const utf8 = (text) => Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");

/* What is left of the bytes of a text behind a value of the schema, for every way to read it. */
function* read(schema, text) {
  if (schema.enum) yield* oneOf(schema.enum.map((word) => utf8(spaced(word))), text);
  else if (schema.type === "boolean") yield* oneOf(["true", "false"], text);
  else if (schema.type === "integer") yield* oneOf(wholeNumbers(schema), text);
  else if (schema.type === "string") yield* letters(schema.pattern, text);
  else if (schema.type === "array") {
    for (let count = 0; count <= schema.maxItems; count++) {
      yield* inTurn(parts("[", Array(count).fill(["", schema.items]), "]"), text);
    }
  } else {
    const fields = Object.entries(schema.properties).map(([key, rule]) => [utf8(`${JSON.stringify(key)}: `), rule]);
    yield* inTurn(parts("{", fields, "}"), text);
  }
}

/* Whether bytes can become JSON of a schema, or are that already. */
export function isPrefix(schema, bytes) {
  for (const rest of read(schema, bytes)) if (rest === MORE || rest === "") return true;
  return false;
}

/* Whether bytes are JSON of a schema. */
export function isWhole(schema, bytes) {
  for (const rest of read(schema, bytes)) if (rest === "") return true;
  return false;
}

/* The ids that may follow a text. Args: bytes, those of the text; pieces, a Map from a token's id to its bytes;
   ends, the ids that end a text. If the first byte does not pass, no token with it does. */
export function allowedTokens(schema, bytes, pieces, ends) {
  const passed = new Map(), ids = [];
  for (const [id, piece] of pieces) {
    const [first] = piece;
    if (!passed.has(first)) passed.set(first, isPrefix(schema, bytes + first));
    if (passed.get(first) && (piece === first || isPrefix(schema, bytes + piece))) ids.push(id);
  }
  return isWhole(schema, bytes) ? [...ids, ...ends] : ids;
}

/* What keeps a schema from being used here, in words; null if nothing does. */
export function problem(schema, depth = 0) {
  const isObject = typeof schema === "object" && schema !== null && !Array.isArray(schema);
  if (!isObject) return "A rule must be an object in braces, such as {\"type\": \"boolean\"}.";
  if (depth > LIMITS.depth) return `Rules may lie ${LIMITS.depth} deep here.`;
  if (schema.enum !== undefined) return wrongWords(schema.enum);
  switch (schema.type) {
    case "boolean": return null;
    case "integer": return wrongRange(schema);
    case "string": return wrongPattern(schema.pattern);
    case "array": return isCount(schema.maxItems, LIMITS.items) ? problem(schema.items, depth + 1)
      : `An array needs "maxItems", a whole number from 0 to ${LIMITS.items}.`;
    case "object": return wrongFields(schema.properties, depth);
    default: return "Each rule needs \"enum\", or a \"type\": boolean, integer, string, array or object.";
  }
}

function wrongWords(words) {
  const isFine = Array.isArray(words) && words.length > 0 && words.length <= LIMITS.words
    && words.every((word) => word === null || ["string", "boolean"].includes(typeof word) || Number.isFinite(word));
  return isFine ? null : `"enum" needs a list of 1 to ${LIMITS.words} texts or numbers.`;
}

function wrongRange({ minimum, maximum }) {
  const isFine = Number.isInteger(minimum) && Number.isInteger(maximum) && minimum <= maximum && maximum - minimum < LIMITS.range;
  return isFine ? null : `An integer needs "minimum" and "maximum", at most ${LIMITS.range} numbers.`;
}

function wrongPattern(pattern) {
  const words = "A string needs a \"pattern\" such as \"^[A-Za-z]{1,12}$\": one set of characters, and how many.";
  const form = typeof pattern === "string" ? pattern.match(PATTERN) : null;
  if (!form || Number(form[2]) > Number(form[3])) return words;
  try {
    const set = new RegExp(form[1], "u"); // [z-a] throws: it is out of order
    if (NEEDS_ESCAPE.some((character) => set.test(character))) {
      return "The set of a pattern must not hold quotation marks, backslashes or line breaks: in JSON they would be written otherwise.";
    }
    return /[^\x00-\x7f]/.test(form[1]) || BEYOND.some((character) => set.test(character))
      ? "The set of a pattern may hold ASCII characters only here. Words of other characters can stand in \"enum\"." : null;
  } catch {
    return words;
  }
}

function wrongFields(properties, depth) {
  const isObject = typeof properties === "object" && properties !== null && !Array.isArray(properties);
  const rules = isObject ? Object.values(properties) : [];
  if (!rules.length || rules.length > LIMITS.fields) return `An object needs "properties", 1 to ${LIMITS.fields} of them.`;
  return rules.map((rule) => problem(rule, depth + 1)).find((words) => words !== null) ?? null;
}

const isCount = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;

function wholeNumbers({ minimum, maximum }) {
  return Array.from({ length: maximum - minimum + 1 }, (_, at) => String(minimum + at));
}

/* Behind one of these words. */
function* oneOf(words, text) {
  for (const word of words) {
    if (text.startsWith(word)) yield text.slice(word.length);
    else if (word.startsWith(text)) yield MORE;
  }
}

/* Behind a text in quotes. */
function* letters(pattern, text) {
  const [, kind, least, most] = pattern.match(PATTERN);
  if (text && !text.startsWith("\"")) return;
  const [run] = text.slice(1).match(new RegExp(`^${kind}*`, "u"));
  const rest = text.slice(1 + run.length), { length } = run;
  if (!rest && length <= Number(most)) yield MORE;
  else if (rest.startsWith("\"") && Number(least) <= length && length <= Number(most)) yield rest.slice(1);
}

/* Behind several readers, one after the other. */
function* inTurn(readers, text) {
  if (!readers.length) {
    yield text;
    return;
  }
  const [first, ...others] = readers;
  for (const rest of first(text)) {
    if (rest === MORE) yield MORE;
    else yield* inTurn(others, rest);
  }
}

/* Readers of what stands between two brackets; pairs are [text in front, rule]. */
function parts(first, pairs, last) {
  const word = (text) => (rest) => oneOf([text], rest);
  return [word(first), ...pairs.flatMap(([front, rule], at) =>
    [word((at ? ", " : "") + front), (rest) => read(rule, rest)]), word(last)];
}
