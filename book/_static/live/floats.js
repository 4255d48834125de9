/* Floating-point formats: what is left of a number in few bits, and what these bits are.

   With e bits for the exponent, m for the mantissa and a bias of 2^(e-1) - 1, a code stands for
       2^(exponent - bias) * (1 + mantissa / 2^m),
   or, where the exponent's bits are all 0, for 2^(1 - bias) * mantissa / 2^m. */

import { roundEven } from "./quantization.js";

/* `kept`: what is kept for infinity and for what is no number. The largest "exponent"; the last "code"
   alone, for what is no number; or "none". Without infinity, numbers that are too large become the
   largest, as in PyTorch. */
export const FORMATS = {
  "FP32": { exponent: 8, mantissa: 23, kept: "exponent" },
  "FP16": { exponent: 5, mantissa: 10, kept: "exponent" },
  "BF16": { exponent: 8, mantissa: 7, kept: "exponent" },
  "FP8 E4M3": { exponent: 4, mantissa: 3, kept: "code" },
  "FP8 E5M2": { exponent: 5, mantissa: 2, kept: "exponent" },
  "FP4 E2M1": { exponent: 2, mantissa: 1, kept: "none" },
};

export const bias = ({ exponent }) => 2 ** (exponent - 1) - 1;

/* The largest number of a format. */
export function largest(format) {
  const { exponent, mantissa, kept } = format;
  const top = 2 ** exponent - (kept === "exponent" ? 2 : 1) - bias(format);
  return 2 ** top * (2 - 2 ** -mantissa * (kept === "code" ? 2 : 1));
}

/* The nearest number of a format, of two that are as near the even one, as
   {value, sign, exponent, mantissa}: the last three are the bits, as texts. */
export function encode(number, format) {
  const { exponent, mantissa, kept } = format;
  const sign = number < 0 || Object.is(number, -0) ? "1" : "0";
  const least = 1 - bias(format); // below 2^least the steps get no smaller
  const at = (size) => Math.max(least, size > 0 ? power(size) : least);
  const step = 2 ** (at(Math.abs(number)) - mantissa);
  let size = step * roundEven(Math.abs(number) / step);
  if (size > largest(format)) size = kept === "exponent" ? Infinity : largest(format);

  let high = 2 ** exponent - 1, low = 0; // infinity
  if (Number.isFinite(size)) {
    const units = size / 2 ** (at(size) - mantissa); // 2^m or more, unless the number is very small
    high = units < 2 ** mantissa ? 0 : at(size) + bias(format);
    low = units % 2 ** mantissa;
  }
  const bits = (value, count) => value.toString(2).padStart(count, "0");
  return { value: sign === "1" ? -size : size, sign, exponent: bits(high, exponent), mantissa: bits(low, mantissa) };
}

/* The largest n with 2^n <= size. */
function power(size) {
  const near = Math.floor(Math.log2(size)); // may be off by one next to a power of two
  if (2 ** near > size) return near - 1;
  return 2 ** (near + 1) <= size ? near + 1 : near;
}
