/* A number in six floating-point formats, bit by bit. */

import { FORMATS, bias, encode, largest } from "../floats.js";
import { choice, h, row, status, table, textField } from "../view.js";

const short = (value, digits) => String(Number(value.toPrecision(digits)));

export default function floats({ number, format = "FP8 E4M3" }) {
  const field = textField("A number", number, { rows: 1, onchange: draw });
  const which = choice("Explain the bits of", Object.keys(FORMATS), { value: format, onchange: draw });
  const line = status(), place = h("div");

  function draw() {
    const typed = Number(field.value());
    if (!field.value().trim() || !Number.isFinite(typed)) {
      line.textContent = "Write one number, such as 0.3, -7 or 1e-5.";
      place.replaceChildren();
      return;
    }
    const codes = Object.entries(FORMATS).map(([name, format]) => ({ name, format, code: encode(typed, format) }));
    place.replaceChildren(table("The number in each format: sign, exponent, mantissa",
      ["format", "comes back as", "off by", "bits", "largest number"],
      codes.map(({ name, format, code }) => [name, said(code.value), error(typed, code.value),
        h("code", {}, `${code.sign} ${code.exponent} ${code.mantissa}`), short(largest(format), 5)])));
    const { name, format, code } = codes.find((one) => one.name === which.value());
    line.textContent = `${name}: ${explained(code, format)}`;
  }
  draw();
  return [row(field, which), line, place];
}

function said(value) {
  return Number.isFinite(value) ? short(value, 9) : `${value < 0 ? "minus " : ""}infinity`;
}

function error(typed, value) {
  if (!Number.isFinite(value)) return "too large";
  return typed === 0 ? "0 %" : `${short(100 * Math.abs(value / typed - 1), 2)} %`;
}

/* The bits as a sum to check: -1 * 2^(125 - 127) * (1 + 3 / 8) = ... */
function explained({ sign, exponent, mantissa, value }, format) {
  if (!Number.isFinite(value)) return `the number is too large, and becomes ${said(value)}.`;
  const high = parseInt(exponent, 2), low = parseInt(mantissa, 2), parts = 2 ** format.mantissa;
  const front = sign === "1" ? "-" : "";
  return high === 0
    ? `${front}2^(1 - ${bias(format)}) * ${low}/${parts} = ${said(value)}. The exponent's bits are all 0, so no 1 is added.`
    : `${front}2^(${high} - ${bias(format)}) * (1 + ${low}/${parts}) = ${said(value)}.`;
}
