/* What a page can ask of the engine. Each task takes plain values and returns plain values, so that
   they can cross from the Worker to the page; those that take long are generators.

   Common arguments: model, "base" or "chat"; precision, "int8" or "float16"; text or messages. */

import { beamSearch } from "./beam_search.js";
import { writeJson } from "./constrained.js";
import { generate, readAll } from "./decoding.js";
import { checkLength } from "./limits.js";
import { logSoftmax, softmax } from "./llama.js";
import { ranked, shapeLogits } from "./sampling.js";

/* The tokens of a text, and how merges made them: [{text, ids, joins, isSpecial}], one for each piece;
   see partsAfter. */
async function tokens(engine, { text }) {
  const tokenizer = await engine.tokenizer();
  return tokenizer.cut(checkLength(text));
}

/* The distribution of the next token: raw, and as the settings shape it.
   Returns {tokens, kept, candidates: [{id, name, logit, raw, shaped}]}, the most probable first. */
async function next(engine, { text, settings = {}, off = [], count = 10, ...wanted }) {
  const { llama, tokenizer } = await engine.model(wanted.model, wanted.precision);
  const ids = promptIds(tokenizer, { text }, llama.config);
  const { logits } = readAll(llama, ids, llama.newCache(), { off: new Set(off) });
  const raw = softmax(logits);
  const { temperature = 1 } = settings;
  const shapedLogits = shapeLogits(logits, ids, settings);
  const order = ranked(logits);
  const shaped = temperature === 0 ? oneHot(logits.length, ranked(shapedLogits)[0])
    : softmax(shapedLogits);
  return {
    tokens: ids.map((id) => tokenizer.name(id)),
    kept: shaped.filter((share) => share > 0).length,
    candidates: order.slice(0, count).map((id) => ({
      id, name: tokenizer.name(id), logit: logits[id], raw: raw[id], shaped: shaped[id],
    })),
  };
}

/* The inside of one pass. Returns {tokens, attentions, lens, candidates}: attentions[layer][head][t]
   are the weights of token t on the tokens up to it; lens[layer] is what the last vector of that
   layer would predict (layer 0: the embedding), candidates what the model does. */
async function inside(engine, { text, off = [], count = 5, ...wanted }) {
  const { llama, tokenizer } = await engine.model(wanted.model, wanted.precision);
  const ids = promptIds(tokenizer, { text }, llama.config);
  const cache = llama.newCache();
  const rows = ids.map((id) => llama.read(id, cache, { watch: true, off: new Set(off) }));
  const top = (logits) => {
    const shares = softmax(logits);
    return ranked(logits).slice(0, count)
      .map((id) => ({ id, name: tokenizer.name(id), share: shares[id] }));
  };
  const { hidden, logits } = rows.at(-1);
  return {
    tokens: ids.map((id) => tokenizer.name(id)),
    attentions: rows[0].attentions.map((heads, layer) =>
      heads.map((_, head) => rows.map((row) => [...row.attentions[layer][head]]))),
    lens: hidden.map((vector) => top(llama.logitsOf(vector))),
    candidates: top(logits),
  };
}

/* The way of the last token: {tokens, id, config, parts}. Each part is {part, layer, added, length,
   best}: lengths of what it adds and of the sum so far, and what that sum would predict. */
async function journey(engine, { text, ...wanted }) {
  const { llama, tokenizer } = await engine.model(wanted.model, wanted.precision);
  const ids = promptIds(tokenizer, { text }, llama.config);
  const { hidden, added } = readAll(llama, ids, llama.newCache(), { watch: true });
  const sum = new Float32Array(llama.config.hidden_size);
  const take = (part, layer, vector) => {
    sum.forEach((_, i) => { sum[i] += vector[i]; });
    const shares = softmax(llama.logitsOf(sum));
    const [id] = ranked(shares);
    return { part, layer, added: Math.hypot(...vector), length: Math.hypot(...sum),
      best: { name: tokenizer.name(id), share: shares[id] } };
  };
  const layers = added.flatMap((parts, layer) =>
    Object.entries(parts).map(([part, vector]) => [part, layer, vector]));
  return {
    tokens: ids.map((id) => tokenizer.name(id)), id: ids.at(-1),
    config: { ...llama.config, intermediate_size: llama.layers[0].gate.length / sum.length },
    parts: [["embedding", null, hidden[0]], ...layers].map((step) => take(...step)),
  };
}

/* How probable a text is, token by token: [{name, logprob}] for all tokens but the first. */
async function score(engine, { text, ...wanted }) {
  const { llama, tokenizer } = await engine.model(wanted.model, wanted.precision);
  const ids = promptIds(tokenizer, { text }, llama.config);
  const cache = llama.newCache();
  return ids.slice(0, -1).map((id, at) => {
    const logprobs = logSoftmax(llama.read(id, cache).logits);
    return { name: tokenizer.name(ids[at + 1]), logprob: logprobs[ids[at + 1]] };
  });
}

/* Writes on from a text or a conversation. Yields {text, ids, logprob, reason, cacheBytes}. */
async function* write(engine, { text, messages, settings = {}, off = [], ...wanted }) {
  const { llama, tokenizer, eos } = await engine.model(wanted.model, wanted.precision);
  const ids = promptIds(tokenizer, { text, messages }, llama.config, settings.maxNewTokens ?? 64);
  const options = { off: new Set(off) };
  for (const step of generate(llama, tokenizer, ids, { eos, ...settings }, options)) {
    const shown = step.text.slice(0, step.settled);
    yield { text: shown, id: step.id, name: tokenizer.name(step.id), logprob: step.logprob,
      reason: step.reason };
  }
}

/* Writes JSON of a schema; see constrained.js for what it yields. */
async function* json(engine, { messages, schema, maxNewTokens, ...wanted }) {
  const { llama, tokenizer, eos } = await engine.model(wanted.model, wanted.precision);
  const ids = promptIds(tokenizer, { messages }, llama.config, maxNewTokens);
  yield* writeJson(llama, tokenizer, ids, { schema, eos, maxNewTokens });
}

/* Searches with beams. Yields what each step looked at; see beam_search.js. */
async function* search(engine, { text, settings = {}, ...wanted }) {
  const { llama, tokenizer, eos } = await engine.model(wanted.model, wanted.precision);
  const ids = promptIds(tokenizer, { text }, llama.config, settings.maxNewTokens ?? 16);
  for (const { candidates, ended, done } of beamSearch(llama, ids, { eos, ...settings })) {
    const shown = ({ ids: path, ...rest }) =>
      ({ ...rest, ids: path, name: tokenizer.name(path.at(-1)), text: tokenizer.decode(path) });
    yield { candidates: candidates.map(shown), ended: ended.map(shown), done };
  }
}

/* One row of a matrix of the model, as it is shipped. Returns a list of numbers. */
async function row(engine, { tensor, index, model = "base", precision = "float16" }) {
  const load = () => engine.tensors(model, precision);
  const { shape, data } = (await engine.once(`rows of ${model} ${precision}`, load)).get(tensor);
  return [...data.slice(index * shape[1], (index + 1) * shape[1])];
}

/* The tokens of a prompt. Throws an Error in words if there are none, or more than fit. */
export function promptIds(tokenizer, { text, messages }, config, newTokens = 0) {
  const ids = messages ? conversationIds(tokenizer, messages) : tokenizer.encode(checkLength(text));
  const room = config.max_position_embeddings - newTokens;
  if (ids.length === 0) throw new Error("There is no text. Write at least one word.");
  if (ids.length > room) {
    const [what, advice] = messages ? ["conversation", "Start over, or shorten the message."] : ["text", "Shorten it."];
    throw new Error(`The ${what} has ${ids.length} tokens, and there is room for ${room}. ${advice}`);
  }
  return ids;
}

/* A conversation up to where the assistant writes, in the chat template of the pocket models. The
   marks are special tokens; the same characters in a message are not. */
export function conversationIds(tokenizer, messages) {
  const plain = (text) => tokenizer.encode(checkLength(text), { special: false });
  const turns = messages.flatMap(({ role, content }) => [
    ...tokenizer.encode(`<|${role}|>`), ...plain(`\n${content}`),
    ...tokenizer.encode("<|end|>"), ...plain("\n"),
  ]);
  return [...turns, ...tokenizer.encode("<|assistant|>"), ...plain("\n")];
}

function oneHot(length, id) {
  const shares = new Float32Array(length);
  shares[id] = 1;
  return shares;
}

export const TASKS = { tokens, next, inside, journey, score, write, json, search, row };
