/* Passages before a question: companion.rag.grounding in JavaScript. */

/* A passage on one line, with (1) for [1], so that it can't pose as another. */
export function oneLine(text) {
  return text.replace(/\s*\[(\p{Nd}{1,9}(?:\s*[,;]\s*\p{Nd}{1,9})*)\]/gu, " ($1)").split(/\s+/u).filter(Boolean).join(" ");
}

/* The user's message: numbered passages, then the question; without passages the question alone. */
export function groundedPrompt(question, passages) {
  if (!passages.length) return question;
  const numbered = passages.map((text, at) => `[${at + 1}] ${oneLine(text)}`).join("\n");
  return `Answer the question with the context only.\nContext:\n${numbered}\nQuestion: ${question}`;
}
