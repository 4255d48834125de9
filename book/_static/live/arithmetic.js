/* The calculator that a model may call, as companion.tools.calculator: the same results, and the same
   words where there is none. Nothing of the text is run. It is read by recursive descent into a tree

     sum     = product { ("+" | "-") product }
     product = sign { ("*" | "/" | "//" | "%") sign }
     sign    = ("+" | "-") sign | power
     power   = primary [ "**" sign ]
     primary = atom { "(" [ sum ] ")" | "." name }
     atom    = number | name | "..." | "(" [ sum ] ")"

   of which numbers, signs and four operators are computed. As in Python, a whole number is none with a
   point: here a BigInt, the other one a Number. */

const LONGEST = 200; // characters
const DEEPEST = 20; // parentheses
const LARGEST = 2n ** 53n; // beyond it, readers of JSON that use floats lose digits
const SIGNS = { "\u00d7": "*", "\u00f7": "/", "\u2212": "-" }; // times, divided by, minus
const BLANKS = /(?!\ufeff)[\s\x1c-\x1f\x85]+/u; // what Python takes as blank
const ALL = "use + - * / // % and parentheses";
const INSTEAD = "not allowed in an expression; use numbers, + - * / // % and parentheses";
const PARTS = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([eE][eE0-9]*)|(\.\.\.|\*\*|\/\/|[-+*/%().]))/y;

/* A number as Python writes it, in JSON too: 3.0 is not 3. */
export class PythonNumber {
  constructor(value) {
    this.value = value;
  }

  toString() {
    return typeof this.value === "bigint" ? String(this.value) : floatText(this.value);
  }
}

/* The value of an expression, a PythonNumber. Throws Error in words when it is none. */
export function calculate(expression) {
  const text = checked(expression);
  const tree = parse(text);
  if (!tree) throw new Error(`'${text}' is no complete arithmetic expression`);
  return new PythonNumber(valueOf(tree));
}

function checked(expression) {
  if (!expression.split(BLANKS).join("")) {
    throw new Error("the expression must be a text such as '2 * (3 + 4)'");
  }
  const { length } = [...expression];
  if (length > LONGEST) throw new Error(`the expression has ${length} characters; at most ${LONGEST} are allowed`);
  const text = expression.replace(/[\u00d7\u00f7\u2212]/g, (sign) => SIGNS[sign]).split(BLANKS).filter(Boolean).join(" ");
  const other = [...text].find((char) => !/[0-9.eE+\-*/%() ]/.test(char));
  if (other) throw new Error(`${quoted(other)} is ${INSTEAD}`);
  let depth = 0, deepest = 0;
  for (const char of text) {
    depth += (char === "(") - (char === ")");
    deepest = Math.max(deepest, depth);
  }
  if (deepest > DEEPEST) throw new Error(`${deepest} parentheses inside each other; at most ${DEEPEST} are allowed`);
  return text;
}

/* A character as Python shows it. */
function quoted(char) {
  const code = char.codePointAt(0);
  if (char === "'") return `"'"`;
  if (char === "\\") return "'\\\\'";
  if (!/[\p{C}\p{Z}]/u.test(char)) return `'${char}'`;
  const digits = code < 256 ? 2 : code < 65536 ? 4 : 8;
  return `'\\${{ 2: "x", 4: "u", 8: "U" }[digits]}${code.toString(16).padStart(digits, "0")}'`;
}

/* ---- reading ---- */

/* The tree of a text: {kind, ...}; null if it is not complete. */
function parse(text) {
  const parts = partsOf(text);
  let at = 0;
  const next = (...wanted) => (wanted.includes(parts[at]?.text) ? parts[at++].text : null);
  const expect = (wanted) => {
    if (!next(wanted)) throw new SyntaxError(wanted);
  };
  const chain = (part, ...operators) => {
    let left = part();
    for (let operator; (operator = next(...operators));) left = { kind: "BinOp", operator, left, right: part() };
    return left;
  };
  const sum = () => chain(product, "+", "-");
  const product = () => chain(sign, "*", "/", "//", "%");

  function sign() {
    const operator = next("+", "-");
    return operator ? { kind: "UnaryOp", operator, of: sign() } : power();
  }

  function power() {
    const left = primary();
    return next("**") ? { kind: "BinOp", operator: "**", left, right: sign() } : left;
  }

  function primary() {
    let node = atom();
    for (;;) {
      if (next("(")) {
        if (!next(")")) {
          next("*", "**");
          sum();
          expect(")");
        }
        node = { kind: "Call" };
      } else if (next(".")) {
        if (parts[at++]?.kind !== "Name") throw new SyntaxError(".");
        node = { kind: "Attribute" };
      } else {
        return node;
      }
    }
  }

  function atom() {
    if (next("(")) {
      if (next(")")) return { kind: "Tuple" };
      const node = sum();
      expect(")");
      return node;
    }
    const part = parts[at++];
    if (!part?.kind) throw new SyntaxError(part?.text);
    return part;
  }

  try {
    const tree = parts && sum();
    return parts && at === parts.length ? tree : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/* Numbers, names and signs; null if something is neither. */
function partsOf(text) {
  const parts = [];
  for (PARTS.lastIndex = 0; PARTS.lastIndex < text.length;) {
    const found = PARTS.exec(text);
    if (!found) return null;
    const [, number, name, sign] = found;
    if (number && /[eE]/.test(text[PARTS.lastIndex] ?? "")) return null; // 2e
    if (number && /^0+[1-9]\d*$/.test(number)) return null; // 007
    if (number) parts.push({ kind: "Constant", text: number });
    else if (name) parts.push({ kind: "Name", text: name });
    else parts.push(sign === "..." ? { kind: "Constant", text: sign } : { text: sign });
  }
  return parts;
}

/* ---- computing ---- */

function valueOf(node) {
  if (node.kind === "Constant" && node.text !== "...") {
    return small(/^\d+$/.test(node.text) ? BigInt(node.text) : Number(node.text));
  }
  if (node.kind === "UnaryOp") {
    const value = valueOf(node.of);
    return node.operator === "-" ? -value : value;
  }
  if (node.kind !== "BinOp") throw new Error(`${node.kind} is ${INSTEAD}`);
  if (node.operator === "**") throw new Error(`the operator ** is not allowed; ${ALL}`);
  const left = valueOf(node.left), right = valueOf(node.right);
  if (Number(right) === 0 && !"+-*".includes(node.operator)) {
    throw new Error(`division by zero: ${new PythonNumber(left)} / ${new PythonNumber(right)}`);
  }
  const whole = typeof left === "bigint" && typeof right === "bigint" && node.operator !== "/";
  return small(whole ? WHOLE[node.operator](left, right) : FLOAT[node.operator](Number(left), Number(right)));
}

/* As Python's, // goes down, and what % leaves has the sign of the divisor. */
const WHOLE = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "%": (a, b) => ((a % b) + b) % b,
  "//": (a, b) => (a - WHOLE["%"](a, b)) / b,
};

const FLOAT = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => {
    const left = a % b;
    if (left === 0) return b < 0 ? -0 : 0;
    return left < 0 === b < 0 ? left : left + b;
  },
  "//": (a, b) => {
    const rest = a % b;
    const times = (a - rest) / b - (rest !== 0 && rest < 0 !== b < 0);
    if (times === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0;
    const down = Math.floor(times);
    return times - down > 0.5 ? down + 1 : down;
  },
};

function small(value) {
  if (typeof value === "bigint") {
    const size = value < 0n ? -value : value;
    if (size > LARGEST) throw new Error(`a whole number of ${String(size).length} digits is too large; use less`);
  } else if (!Number.isFinite(value)) {
    throw new Error("the result is too large for a floating-point number");
  }
  return value;
}

/* 3 as "3.0", 1e16 as "1e+16": the fewest digits that mean this number and no other. */
function floatText(value) {
  const [number, exponent] = Math.abs(value).toExponential().split("e");
  const sign = value < 0 || Object.is(value, -0) ? "-" : "", power = Number(exponent), size = Math.abs(power);
  if (power < -4 || power >= 16) return `${sign}${number}e${power < 0 ? "-" : "+"}${String(size).padStart(2, "0")}`;
  const digits = number.replace(".", "");
  if (power < 0) return `${sign}0.${"0".repeat(size - 1)}${digits}`;
  const padded = digits.padEnd(power + 2, "0");
  return `${sign}${padded.slice(0, power + 1)}.${padded.slice(power + 1)}`;
}
