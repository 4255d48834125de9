/* What a call must pass before it runs: parser, allow-list, schema, the tool itself, approval. It is the check
   of companion.tools for one plain call; tags, fences and several calls in one turn are refused here. */

import { readJson } from "./strict_json.js";

const LONGEST = 20000; // characters of a turn
const OTHER_KEYS = ["type", "id"];

/* The tools of the page: their arguments, and what the tool itself objects to. */
export const TOOLS = {
  set_timer: { arguments: { minutes: "bigint" }, refuses: ({ minutes }) =>
    (minutes < 1n || minutes > 1440n ? `minutes must be 1 to 1440, got ${minutes}` : null) },
  send_message: { arguments: { to: "string", text: "string" }, refuses: () => null, needsApproval: true },
  search: { arguments: { query: "string" }, refuses: () => null },
};
const NAMES = { bigint: "a whole number", string: "a text" };

/* {station, words}: who stops a turn of the model and why; station "nothing" if it may run, "not a call" if it is
   an answer. Args: allowed, names of tools; user, what the user wrote; rule, "no check", "nobody" or "words". */
export function check(turn, { allowed, user, rule }) {
  const text = turn.trim();
  const isMeant = /^(\{|\[\s*\{|<tool_call>)/.test(text) && /"name"|"arguments"|<tool_call>/.test(text);
  if (!isMeant) return { station: "not a call", words: "shown as an answer" };
  let call;
  try {
    call = readCall(text);
  } catch (error) {
    return { station: "parser", words: error.message };
  }
  if (!allowed.includes(call.name)) {
    return { station: "allow-list", words: `there is no tool '${call.name.slice(0, 64)}'. The tools are ${allowed.join(", ") || "none"}.` };
  }
  const wrong = wrongArguments(call);
  if (wrong) return { station: "schema", words: wrong };
  const tool = TOOLS[call.name], given = Object.fromEntries(call.arguments);
  if (tool.needsApproval && rule !== "no check" && !(rule === "words" && areTheUsers(call.arguments, user))) {
    return { station: "approval", words: rule === "words" ? "an argument does not stand in what the user wrote" : "nobody was asked" };
  }
  const refused = tool.refuses(given);
  return refused ? { station: "tool", words: refused } : { station: "nothing", words: `${call.name} runs` };
}

/* A call as {name, arguments: Map}. */
function readCall(text) {
  if (text.length > LONGEST) throw new Error(`a call of ${text.length} characters; at most ${LONGEST} are allowed`);
  if (text.startsWith("<")) throw new Error("only a call without tags is read here");
  const value = readJson(text);
  if (!(value instanceof Map)) throw new Error("a call must be an object");
  const keys = ["arguments", "parameters"].filter((key) => value.has(key));
  const extra = [...value.keys()].filter((key) => ![...OTHER_KEYS, "name", ...keys].includes(key));
  if (keys.length !== 1 || extra.length) {
    throw new Error(`a call must have the keys 'name' and 'arguments' and no others, got ${[...value.keys()].join(", ").slice(0, 80)}`);
  }
  const name = value.get("name"), given = value.get(keys[0]);
  if (typeof name !== "string" || !name) throw new Error("the 'name' of a call must be a text");
  if (!(given instanceof Map)) throw new Error(`the arguments of '${name.slice(0, 64)}' must be an object`);
  return { name, arguments: given };
}

function wrongArguments({ name, arguments: given }) {
  const types = TOOLS[name].arguments;
  const missing = Object.keys(types).filter((key) => !given.has(key));
  const extra = [...given.keys()].filter((key) => !Object.hasOwn(types, key));
  const wrong = [...given].filter(([key, value]) => Object.hasOwn(types, key) && typeof value !== types[key]);
  const words = [...missing.map((key) => `'${key}' is missing`), ...extra.map((key) => `'${key.slice(0, 64)}' is not an argument`),
    ...wrong.map(([key]) => `'${key}' must be ${NAMES[types[key]]}`)];
  return words.length ? `bad arguments for ${name}: ${words.join("; ")}` : null;
}

/* Whether every argument stands in the user's text, between other characters than those of words. */
function areTheUsers(given, user) {
  return [...given.values()].every((value) => {
    const text = String(value).trim(), isWord = (character) => character !== undefined && /[\p{L}\p{N}_]/u.test(character);
    if (!text) return false;
    for (let at = user.indexOf(text); at >= 0; at = user.indexOf(text, at + 1)) {
      const before = isWord(user[at - 1]) !== isWord(text[0]), after = isWord(user[at + text.length]) !== isWord(text.at(-1));
      if (before && after) return true;
    }
    return false;
  });
}
