/* The calculator that a model may call: + - * / and parentheses, by recursive descent. Nothing of the
   text is run. companion.tools.calculator is the larger one in Python.

     sum     = product { ("+" | "-") product }
     product = factor { ("*" | "/") factor }
     factor  = number | "(" sum ")" | "-" factor */

const LONGEST = 200; // characters: deep nesting ends here

/* The value of an expression. Throws Error in words when it is none. */
export function calculate(text) {
  if (text.length > LONGEST) throw new Error(`an expression has at most ${LONGEST} characters`);
  const parts = text.match(/\d+(\.\d+)?|[^\s]/g) ?? [];
  let at = 0;

  function sum() {
    let value = product();
    while (parts[at] === "+" || parts[at] === "-") {
      value = parts[at++] === "+" ? value + product() : value - product();
    }
    return value;
  }

  function product() {
    let value = factor();
    while (parts[at] === "*" || parts[at] === "/") {
      if (parts[at++] === "*") {
        value *= factor();
        continue;
      }
      const divisor = factor();
      if (divisor === 0) throw new Error("division by zero");
      value /= divisor;
    }
    return value;
  }

  function factor() {
    const part = parts[at++];
    if (part === "-") return -factor();
    if (part === "(") {
      const value = sum();
      if (parts[at++] !== ")") throw new Error("a parenthesis is not closed");
      return value;
    }
    if (part === undefined || !/^\d/.test(part)) {
      throw new Error(`expected a number, got ${part ?? "the end"}`);
    }
    return Number(part);
  }

  const value = sum();
  if (at < parts.length) throw new Error(`unexpected ${parts[at]}`);
  return value;
}
