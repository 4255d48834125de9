/* BM25 in the form of Lucene: companion.rag.bm25 in JavaScript, for the passages of this book.

   score(query, text) = sum over words w of ln(1 + (N - n_w + 0.5) / (n_w + 0.5))
                        * f_w / (f_w + k1 (1 - b + b * length / mean length))
   with f_w occurrences of w in the text, n_w of N texts that have it. */

/* Frequent words of English, which say nothing of the matter. */
export const ENGLISH = [
  "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no",
  "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this",
  "to", "was", "will", "with",
];

const HIDDEN = /[\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]/g;

export class BM25 {
  /* Args: texts; skipped, words that are not counted; k1 and b as above. */
  constructor(texts, { skipped = [], k1 = 1.5, b = 0.75 } = {}) {
    this.skipped = new Set(skipped);
    this.texts = texts.map((text) => counts(this.words(text)));
    const lengths = this.texts.map(({ length }) => length);
    const mean = lengths.reduce((sum, x) => sum + x, 0) / lengths.length;
    this.damping = lengths.map((length) => k1 * (1 - b + b * length / mean));
    this.having = new Map(); // word -> texts that have it
    for (const { words } of this.texts) {
      for (const word of words.keys()) this.having.set(word, (this.having.get(word) ?? 0) + 1);
    }
  }

  /* Lower case, in Unicode's form NFKC; letters, digits and underscores between other signs. (Python
     folds a few more letters than ß, such as those with a Greek iota below.) */
  words(text) {
    const plain = text.replace(HIDDEN, "").normalize("NFKC").toLowerCase().replaceAll("ß", "ss");
    const found = plain.match(/[\p{L}\p{N}_]+/gu) ?? [];
    return found.filter((word) => !this.skipped.has(word));
  }

  weight(word) {
    const having = this.having.get(word) ?? 0;
    return having ? Math.log(1 + (this.texts.length - having + 0.5) / (having + 0.5)) : 0;
  }

  /* The k best as [{at, score, words}], best first; texts without any of the words are left out. */
  search(query, k) {
    const asked = [...counts(this.words(query)).words].filter(([word]) => this.having.has(word));
    const found = this.texts.map(({ words }, at) => {
      const shared = asked.filter(([word]) => words.has(word));
      const score = shared.reduce((sum, [word, times]) => {
        const often = words.get(word);
        return sum + times * this.weight(word) * often / (often + this.damping[at]);
      }, 0);
      return { at, score, words: shared.map(([word]) => word) };
    });
    return found.filter(({ score }) => score > 0)
      .sort((one, two) => two.score - one.score || one.at - two.at).slice(0, k);
  }
}

function counts(list) {
  const words = new Map();
  for (const word of list) words.set(word, (words.get(word) ?? 0) + 1);
  return { words, length: list.length };
}
