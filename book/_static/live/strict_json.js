/* JSON as a model wrote it, read strictly: companion.tools.strict_json in JavaScript. JSON.parse takes the last
   of two equal keys and any depth. Whole numbers become BigInt, so that 5 and 5.0 differ. */

const DEEPEST = 16, LARGEST = 2n ** 63n - 1n;
const TOKEN = /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)|(true|false|null))/y;
const CONSTANTS = { true: true, false: false, null: null };

/* The value of a text that is one JSON value and no more. Throws: Error in words. */
export function readJson(text) {
  let at = 0;

  function next() {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) throw new Error(`not valid JSON at character ${at + 1}`);
    at = TOKEN.lastIndex;
    return found;
  }

  function value(depth, found = next()) {
    const [, sign, word, number, fraction, exponent, constant] = found;
    if (word) return string(word);
    if (number) return fraction || exponent ? float(number) : whole(number);
    if (constant) return CONSTANTS[constant];
    if (!"{[".includes(sign)) throw new Error(`not valid JSON at character ${at}`);
    if (depth === DEEPEST) throw new Error(`more than ${DEEPEST} lists and objects inside each other`);
    return sign === "{" ? members(depth + 1) : items(depth + 1);
  }

  function items(depth) {
    const list = [];
    for (let found = next(); !(found[1] === "]" && !list.length); found = next()) {
      list.push(value(depth, found));
      if (ends("]")) break;
    }
    return list;
  }

  function members(depth) {
    const object = new Map();
    for (let found = next(); !(found[1] === "}" && !object.size); found = next()) {
      if (!found[2] || next()[1] !== ":") throw new Error(`not valid JSON at character ${at}`);
      const key = string(found[2]);
      if (object.has(key)) throw new Error(`the key '${key.slice(0, 64)}' stands twice in one object`);
      object.set(key, value(depth));
      if (ends("}")) break;
    }
    return object;
  }

  /* Whether the list or object ends here; a comma says that it goes on. */
  function ends(bracket) {
    const [, sign] = next();
    if (sign !== bracket && sign !== ",") throw new Error(`not valid JSON at character ${at}`);
    return sign === bracket;
  }

  const read = value(0);
  const rest = text.slice(at).replace(/^[ \t\r\n]+/, "");
  if (rest) throw new Error(`text after a call: '${rest.slice(0, 40)}'. Write the call and no more.`);
  return read;
}

function string(word) {
  const text = JSON.parse(word);
  if (/\p{Surrogate}/u.test(text)) throw new Error("the call holds half of a character");
  return text;
}

function whole(digits) {
  const value = digits.length <= 20 ? BigInt(digits) : LARGEST + 1n;
  if (value > LARGEST || -value > LARGEST) throw new Error(`the whole number ${digits.slice(0, 40)} is too large`);
  return value;
}

function float(digits) {
  if (!Number.isFinite(Number(digits))) throw new Error(`the number ${digits.slice(0, 40)} is too large`);
  return Number(digits);
}
