import { verdictOf } from "./verdict.js";

/* Runs checks in a Worker with Python: one at a time, one Worker for the whole page. A Worker whose
   check takes too long is ended, and the next one is started at once. */
const GRACE = 1; // seconds beyond the exercise's own limit: Python there counts its cases itself
const DEAF = 5; // seconds in which a Worker that is there says that it has heard
const JUDGING = 60; // seconds for the solution and the known wrong answers
const MOST_MESSAGES = 20_000;
const LOOP = "Is there a loop that never ends?";
const KEPT = "Your text stays where it is.";

/* A sentence for the reader: why there is no verdict. */
export class RunnerError extends Error {}

/* There is no verdict since Python can't be had, whatever the answer is. */
export class NoPython extends RunnerError {}

export class Runner {
  #worker = null;
  #used = false; // it has been heard before
  #stop = null; // ends the check that is running

  constructor(address) {
    this.address = address;
  }

  /* Check an answer.
     request: as companion.exercises.browser takes it; seen: {status(text), printed(text)}.
     Resolves to {verdict} or {trouble}. Throws a RunnerError if there is none. */
  async check(request, seen) {
    const earlier = this.#used;
    let found = await this.#ask(request, seen);
    if (earlier && isBroken(found)) { // by earlier code
      this.#end();
      found = await this.#ask(request, seen);
    }
    if (found.timeout && !found.defined) {
      this.#getReady();
      return { trouble: `Stopped: your code did not come to an end within ${found.seconds} seconds, ` +
        `before any case was run. ${LOOP}` };
    }
    const isToJudge = found.timeout || (found.failed && found.ran && found.cases);
    if (isToJudge) found = await this.#judge(request, found, seen);
    if (found.failed) throw new RunnerError(found.failed);
    return found;
  }

  /* Judge what was said of an answer whose Worker is gone, in a new one. */
  #judge({ exercise, place }, found, seen) {
    this.#getReady();
    seen.status(`${found.timeout ? "Stopped: the time was up. " : ""}Python starts anew ...`);
    const outcomes = [...found.outcomes];
    if (found.timeout) outcomes.push({ state: "timeout" });
    while (outcomes.length < found.cases) outcomes.push({ state: "not run" });
    return this.#ask({ exercise, place, outcomes }, seen);
  }

  /* Start a spare Worker. */
  #getReady() {
    this.#worker = this.#start();
    this.#worker.postMessage({});
  }

  /* End what is running; its check throws. */
  stop() {
    this.#stop?.();
  }

  #start() {
    return new Worker(this.address);
  }

  #end() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#used = false;
  }

  #ask(request, seen) {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const call = secret();
    const state = { outcomes: [], cases: 0, seconds: 0, defined: false, ran: false };
    let timer = null, messages = 0;
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        worker.onmessage = worker.onerror = this.#stop = null;
        settle(value);
      };
      const giveUp = (sentence, Why = RunnerError) => {
        this.#end();
        finish(reject, new Why(sentence));
      };
      const late = (seconds, action) => {
        clearTimeout(timer);
        timer = setTimeout(action, seconds * 1000);
      };
      const endWith = (why) => {
        this.#end();
        finish(resolve, { ...state, ...why });
      };
      this.#stop = () => giveUp(`Stopped. ${KEPT}`);
      worker.onerror = (event) => {
        event.preventDefault();
        const why = event.message ? ` (${event.message.slice(0, 300)})` : "";
        giveUp(`Python could not be started, or it stopped${why}. Press Check to start it again. ${KEPT}`,
          this.#used ? RunnerError : NoPython);
      };
      worker.onmessage = ({ data }) => {
        if (++messages > MOST_MESSAGES) return giveUp(`Stopped: your code said too much. ${KEPT}`);
        if (data?.call !== call) return; // the learner's code has sent it, or an earlier check
        if (data.heard) {
          clearTimeout(timer);
          this.#used = true;
        }
        if (data.missing) return giveUp(String(data.missing), NoPython);
        if (data.failed) return endWith({ failed: String(data.failed) });
        if (data.loading) seen.status(loadingText(data.loading));
        if (data.printed) seen.printed(data.printed);
        if (data.started) {
          Object.assign(state, data.started);
          seen.status("Running your code ...");
          late(state.seconds + GRACE, () => endWith({ timeout: true }));
        }
        if (data.defined) state.defined = true;
        if (data.outcome) state.outcomes.push(data.outcome);
        if (data.ran) {
          state.ran = true;
          seen.status("Comparing ...");
          late(JUDGING, () => giveUp(`Python took too long to compare. Press Check to try again. ${KEPT}`));
        }
        if (data.trouble) state.trouble = String(data.trouble);
        if (data.verdict) state.verdict = verdictOf(data.verdict);
        if (data.idle && (state.verdict || state.trouble)) finish(resolve, state);
      };
      worker.postMessage({ call, request });
      if (this.#used) late(DEAF, () => finish(resolve, { deaf: true })); // its code may have closed it
    });
  }
}

/* Whether nothing came of a check since Python itself does not work. */
function isBroken({ deaf, failed, ran, verdict }) {
  return deaf || (failed && !ran) || verdict?.state === "not judged";
}

/* A name that nobody guesses, on plain http too, where crypto.randomUUID is missing. */
function secret() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

function loadingText({ done, total }) {
  if (done >= total) return "Starting Python ...";
  const part = (bytes) => (bytes / 1e6).toFixed(1);
  return `Loading Python: ${part(done)} of ${part(total)} MB ...`;
}
