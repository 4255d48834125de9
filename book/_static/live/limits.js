/* How long a text may be: a page should answer in a moment, whatever is pasted into a field. */

import { grouped } from "../elements.js";

export const LONGEST = 20000; // characters

/* What is wrong with the length of a text, in words; null if nothing is. */
export function tooLong(text, most = LONGEST) {
  if (text.length <= most) return null;
  return `The text has ${grouped(text.length)} characters, at most ${grouped(most)} are read. Shorten it.`;
}

/* The text. Throws Error in words when it is too long. */
export function checkLength(text, most = LONGEST) {
  const problem = tooLong(text, most);
  if (problem) throw new Error(problem);
  return text;
}
