/* Cutting a text into passages: companion.rag.chunking in JavaScript. A part is [start, end], places in
   the text. */

/* What is counted. */
export const LENGTHS = {
  words: (text) => text.match(/\S+/gu)?.length ?? 0,
  characters: (text) => [...text].length,
};

/* Where to cut, the best place first. */
export const SEPARATORS = ["\n\n", "\n", ". ", "? ", "! ", "。", " ", ""];

const ENDED = /[.?!:…。？！][\s"'”’»」』)\]]*$/;

/* Whether a text ends as sentences do, marks of quotation and brackets aside. */
export const endsSentence = (text) => ENDED.test(text);

/* Parts that end at the best place that leaves them small enough. */
export function cutRecursively(text, { size, overlap = 0, unit = "words", separators = SEPARATORS }) {
  const length = ([start, end]) => LENGTHS[unit](text.slice(start, end));
  const fits = (part) => length(part) <= size;
  const whole = [0, text.length];

  function cut(start, end, separators) {
    const part = text.slice(start, end);
    const at = separators.findIndex((separator) => part.includes(separator));
    if (at < 0) return [[start, end]]; // nowhere to cut
    const edges = edgesOf(text, start, end, separators[at]);
    const parts = [];
    let first = 0; // the pieces are edges[i] to edges[i + 1]
    while (first < edges.length - 1) {
      const reached = reach(edges, first);
      if (reached === first) { // a single piece is too long
        const rest = separators.slice(at + 1), piece = [edges[first], edges[first + 1]];
        parts.push(...(rest.length ? cut(...piece, rest) : [piece]));
        first += 1;
      } else {
        parts.push([edges[first], edges[reached]]);
        first = reached === edges.length - 1 ? reached : back(edges, first, reached);
      }
    }
    return parts;
  }

  /* The last edge up to which the pieces from `first` on fit into one part. */
  function reach(edges, first) {
    let last = first;
    while (last + 1 < edges.length && fits([edges[first], edges[last + 1]])) last += 1;
    return last;
  }

  /* Where the next part begins: as far back as overlap and size allow. */
  function back(edges, first, reached) {
    for (let at = reached - 1; at > first; at--) {
      const isTooMuch = length([edges[at], edges[reached]]) > overlap;
      if (isTooMuch || !fits([edges[at], edges[reached + 1]])) return at + 1;
    }
    return Math.min(first + 1, reached);
  }

  return fits(whole) ? [whole] : cut(...whole, separators);
}

/* Where the pieces begin, each with its separator behind it, and the end. */
function edgesOf(text, start, end, separator) {
  const edges = [start];
  let at = start;
  if (!separator) {
    for (const sign of text.slice(start, end)) edges.push(at += sign.length);
    return edges;
  }
  while ((at = text.indexOf(separator, at)) >= 0 && at + separator.length <= end) {
    edges.push(at += separator.length);
  }
  return edges.at(-1) === end ? edges : [...edges, end];
}

/* A window that slides: as many whole words as it holds, the next one a little back. */
export function cutWindows(text, { size, overlap = 0, unit = "words" }) {
  const pieces = [...text.matchAll(unit === "words" ? /\S+/gu : /./gsu)]
    .map(({ 0: piece, index }) => [index, index + piece.length]);
  if (pieces.length <= size) return [[0, text.length]];
  const isBlank = (at) => /\s/u.test(text[at]);
  const startsWord = (at) => isBlank(pieces[at][0]) || isBlank(pieces[at][0] - 1);
  const parts = [];
  for (let first = 0; ;) {
    let last = Math.min(first + size, pieces.length); // the first piece that is left out
    if (last < pieces.length) { // back to the end of a word, if there is one in the window
      let at = last;
      while (at > first && !startsWord(at)) at -= 1;
      if (at > first) last = at;
    }
    parts.push([pieces[first][0], pieces[last - 1][1]]);
    if (last === pieces.length) return parts;
    const earliest = Math.max(last - overlap, first + 1);
    first = earliest;
    while (first < last && !startsWord(first)) first += 1;
    if (first === last) first = earliest;
  }
}

/* The parts as [{text, start}], without blanks at their ends, unless there is one part only. */
export function chunksOf(text, parts) {
  if (parts.length === 1) return text.trim() ? [{ text, start: 0 }] : [];
  return parts.map(([start, end]) => {
    const part = text.slice(start, end);
    return { text: part.trim(), start: start + part.length - part.trimStart().length };
  }).filter(({ text: chunk }) => chunk);
}
