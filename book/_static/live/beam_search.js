/* Beam search, companion.generation.beam_search in JavaScript: the rules of transformers with
   early_stopping=True. Each step yields the tree's new leaves, so that a page can draw it. */

import { logSoftmax } from "./llama.js";
import { ranked } from "./sampling.js";
import { readAll } from "./decoding.js";

/* Args:
     model; ids, the prompt's tokens, at least one.
     settings: numBeams, maxNewTokens, lengthPenalty, eos (ids).
   Yields: {candidates, ended, done} after each step. `candidates` are the continuations that were
     looked at, best first: {parent, id, ids, logprob, total, state}, where `parent` is the number of
     the running beam it extends and `state` is "runs", "ended" or "dropped". `ended` are the best
     sequences that have ended, best first: {ids, total, score}. */
export function* beamSearch(model, ids, settings) {
  const { numBeams = 4, maxNewTokens = 16, lengthPenalty = 1, eos = [] } = settings;
  const cache = model.newCache();
  const { logits } = readAll(model, ids, cache);
  let running = [{ ids: [], total: 0, cache, logprobs: logSoftmax(logits) }];
  let ended = [];
  for (let step = 1; step <= maxNewTokens; step++) {
    const last = step === maxNewTokens;
    // 1. Every child of every beam, and the best of them. Even if each beam's best child is the end
    //    of the text, enough of them go on.
    const wanted = (1 + Math.max(1, eos.length)) * numBeams;
    const candidates = children(running, wanted);

    // 2. From the best down: what ends is put aside, what does not is a beam of the next step.
    let places = numBeams;
    candidates.forEach((child, rank) => {
      const ends = last || eos.includes(child.id);
      if (ends && rank < numBeams) {
        child.state = "ended";
        ended.push({ ...child, score: child.total / child.ids.length ** lengthPenalty });
      } else if (!ends && places > 0) {
        child.state = "runs";
        places -= 1;
      }
    });

    // 3. Of all that have ended the best stay; with numBeams of them the search is done.
    ended = ended.sort((a, b) => b.score - a.score).slice(0, numBeams);
    const done = last || ended.length === numBeams;
    yield { candidates, ended, done };
    if (done) return;

    // 4. The model reads on, each beam with a copy of its parent's past.
    running = candidates.filter((child) => child.state === "runs").map((child) => {
      const past = running[child.parent].cache.copy();
      return { ...child, cache: past, logprobs: logSoftmax(model.read(child.id, past).logits) };
    });
  }
}

/* The best `wanted` continuations of all beams, best first. */
function children(running, wanted) {
  const all = running.flatMap((beam, parent) =>
    ranked(beam.logprobs).slice(0, wanted).map((id) => ({
      parent, id, ids: [...beam.ids, id], logprob: beam.logprobs[id],
      total: Math.fround(beam.total + beam.logprobs[id]), state: "dropped",
    })));
  return all.sort((a, b) => b.total - a.total).slice(0, wanted);
}
