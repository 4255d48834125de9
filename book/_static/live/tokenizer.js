/* Byte-level BPE: text to tokens and back, equal to the library `tokenizers` for the file
   tokenizer.json of the pocket models.

   1. Special tokens such as <|end|> are cut out of the text.
   2. The rest is cut into pieces: each digit alone; words with the space before them; signs; spaces.
   3. The UTF-8 bytes of a piece become one character each, so that all of them can be printed.
   4. Merges: of all neighbours, the pair that training found most useful is joined, until none is left.

   Left out: every other kind of tokenizer. A file of another kind is refused. */

import { Heap } from "./heap.js";

/* GPT-2's rule. `\p{White_Space}` in place of `\s`, which means something else in JavaScript. */
const PIECES = new RegExp(
  "'s|'t|'re|'ve|'m|'ll|'d"
  + "| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
  + "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+", "gu");

/* Printable bytes stand for themselves; the others get the characters from 256 on: space is Ġ. */
function byteCharacters() {
  const isPrintable = (byte) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let spare = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPrintable(byte) ? byte : spare++));
}

const CHARACTERS = byteCharacters();
const BYTES = new Map(CHARACTERS.map((character, byte) => [character, byte]));

export class Tokenizer {
  /* Args: file, the content of tokenizer.json as an object.
     Throws: Error when it is not a byte-level BPE with single digits. */
  constructor(file) {
    const cutters = file.pre_tokenizer?.pretokenizers?.map((cutter) => cutter.type).join();
    if (file.model.type !== "BPE" || cutters !== "Digits,ByteLevel" || file.normalizer) {
      throw new Error("this tokenizer is not a byte-level BPE with single digits");
    }
    this.ids = new Map(Object.entries(file.model.vocab));
    this.ranks = new Map(file.model.merges.map((pair, rank) => [pair.join(" "), rank]));
    this.special = new Map(file.added_tokens.map((token) => [token.content, token.id]));
    this.specialIds = new Set(this.special.values());
    this.tokens = []; // id -> token in byte characters
    for (const [token, id] of [...this.ids, ...this.special]) this.tokens[id] = token;
    const escape = (token) => token.replace(/[|\\{}()[\]^$+*?.]/g, "\\$&");
    this.specialPattern = new RegExp(`(${[...this.special.keys()].map(escape).join("|")})`, "u");
  }

  /* Text to ids. A half of a surrogate pair, which is no character, is read as U+FFFD. With `special`
     false, "<|end|>" in the text is seven ordinary characters: what a reader writes ends no turn. */
  encode(text, options) {
    return this.cut(text, options).flatMap(({ ids }) => ids);
  }

  /* The pieces of a text: [{text, ids, joins, isSpecial}], as `merge` has it. A special token is a piece
     without merges. */
  cut(text, { special = true } = {}) {
    const parts = special ? wellFormed(text).split(this.specialPattern) : [wellFormed(text)];
    return parts.flatMap((part) => {
      if (special && this.special.has(part)) {
        return [{ text: part, ids: [this.special.get(part)], joins: [], isSpecial: true }];
      }
      return pieces(part).map((piece) => ({ text: piece, ...this.merge(piece), isSpecial: false }));
    });
  }

  /* The merges of one piece. Returns {ids, joins}: joins lists, merge by merge, the byte at which the
     right part of the pair began; see partsAfter. */
  merge(piece) {
    const parts = byteCharactersOf(piece); // parts[i] begins at byte i; null when it was joined
    const next = parts.map((_, i) => i + 1), previous = parts.map((_, i) => i - 1);
    const ranks = parts.map(() => Infinity); // ranks[i]: of the pair that begins at byte i
    const open = new Heap(); // pairs by rank, the leftmost first where one occurs twice
    const look = (i) => {
      const pair = `${parts[i]} ${parts[next[i]]}`;
      ranks[i] = next[i] < parts.length ? this.ranks.get(pair) ?? Infinity : Infinity;
      if (ranks[i] < Infinity) open.push(ranks[i] * parts.length + i);
    };
    parts.forEach((_, i) => look(i));
    const joins = [];
    while (open.size) {
      const key = open.pop();
      const left = key % parts.length, right = next[left];
      if (ranks[left] !== Math.floor(key / parts.length)) continue; // one of the pair is gone
      parts[left] += parts[right];
      parts[right] = null;
      ranks[right] = Infinity;
      next[left] = next[right];
      previous[next[left]] = left;
      joins.push(right);
      look(left);
      if (left > 0) look(previous[left]);
    }
    return { ids: parts.filter((part) => part !== null).map((part) => this.ids.get(part)), joins };
  }

  /* Ids to text. Bytes that are no whole character become U+FFFD, as in Python. */
  decode(ids, { skipSpecial = true } = {}) {
    const kept = ids.filter((id) => !(skipSpecial && this.specialIds.has(id)));
    return printed(kept.map((id) => this.tokens[id] ?? "").join(""));
  }

  /* What a page shows for one token: its text, or its bytes in hexadecimal where it is no text. */
  name(id) {
    return partName(this.tokens[id] ?? "");
  }
}

function wellFormed(text) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

/* Pieces, where no special token is cut out: each digit alone, the rest by GPT-2's rule. */
function pieces(text) {
  return text.split(/(\p{N})/u).flatMap((part) => part.match(PIECES) ?? []);
}

/* The bytes of a text, one character each. */
function byteCharactersOf(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => CHARACTERS[byte]);
}

/* The parts of a piece after some of its merges, each as a reader can see it. */
export function partsAfter(piece, joins, count) {
  const joined = new Set(joins.slice(0, count));
  const parts = [];
  byteCharactersOf(piece).forEach((character, at) => {
    if (joined.has(at)) parts[parts.length - 1] += character;
    else parts.push(character);
  });
  return parts.map(partName);
}

export function bytesOf(characters) {
  return Uint8Array.from(Array.from(characters, (character) => BYTES.get(character)));
}

function printed(characters) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(characters));
}

/* A part in byte characters, as a reader can see it: ␣ for a space, ↵ for a line's end. */
export function partName(characters) {
  const text = printed(characters);
  if (text.includes("\uFFFD")) {
    return Array.from(bytesOf(characters), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }
  return text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥");
}
