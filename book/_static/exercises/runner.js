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

export class Runner {
  #worker = null;
  #used = false; // it has been heard before
  #stop = null; // ends the check that is running

  constructor(address) {
    this.address = address;
  }

  /* Check an answer.
     request: as companion.exercises.browser takes it; seen: {status(text), printed(text)}.
     Resolves to {verdict} or {trouble}. Throws a RunnerError if Python can't be had. */
  async check(request, seen) {
    let found = await this.#ask(request, seen);
    if (found.deaf || found.verdict?.state === "not judged") { // earlier code has broken this Python
      this.#end();
      found = await this.#ask(request, seen);
    }
    if (!found.timeout) return found;
    this.#worker = this.#start();
    this.#worker.postMessage({}); // a spare one gets ready
    if (!found.defined) {
      const limit = `${found.seconds} seconds`;
      return { trouble: `Stopped: your code did not come to an end within ${limit}, before any case ` +
        `was run. ${LOOP}` };
    }
    seen.status("Stopped: the time was up. Python starts anew ...");
    const outcomes = [...found.outcomes, { state: "timeout" }];
    while (outcomes.length < found.cases) outcomes.push({ state: "not run" });
    return this.#ask({ exercise: request.exercise, place: request.place, outcomes }, seen);
  }

  /* End what is running; its check throws. */
  stop() {
    this.#stop?.();
  }

  #start() {
    this.#used = false;
    return new Worker(this.address);
  }

  #end() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #ask(request, seen) {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const call = secret();
    const state = { outcomes: [], cases: 0, seconds: 0, defined: false };
    let timer = null, messages = 0;
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        worker.onmessage = worker.onerror = this.#stop = null;
        settle(value);
      };
      const giveUp = (sentence) => {
        this.#end();
        finish(reject, new RunnerError(sentence));
      };
      const late = (seconds, action) => {
        clearTimeout(timer);
        timer = setTimeout(action, seconds * 1000);
      };
      const timeIsUp = () => {
        this.#end();
        finish(resolve, { ...state, timeout: true });
      };
      this.#stop = () => giveUp(`Stopped. ${KEPT}`);
      worker.onerror = (event) => {
        event.preventDefault();
        const why = event.message ? ` (${event.message.slice(0, 300)})` : "";
        giveUp(`Python could not be started, or it stopped${why}. Press Check to start it again. ${KEPT}`);
      };
      worker.onmessage = ({ data }) => {
        if (++messages > MOST_MESSAGES) return giveUp(`Stopped: your code said too much. ${KEPT}`);
        if (data?.call !== call) return; // the learner's code has sent it, or an earlier check
        if (data.heard) {
          clearTimeout(timer);
          this.#used = true;
        }
        if (data.failed) return giveUp(String(data.failed));
        if (data.loading) seen.status(loadingText(data.loading));
        if (data.printed) seen.printed(data.printed);
        if (data.started) {
          Object.assign(state, data.started);
          seen.status("Running your code ...");
          late(state.seconds + GRACE, timeIsUp);
        }
        if (data.defined) state.defined = true;
        if (data.outcome) state.outcomes.push(data.outcome);
        if (data.ran) {
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

/* A name that nobody guesses, on plain http too, where crypto.randomUUID is missing. */
function secret() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

function loadingText({ done, total }) {
  if (done >= total) return "Starting Python ...";
  const part = (bytes) => (bytes / 1e6).toFixed(1);
  return `Loading Python: ${part(done)} of ${part(total)} MB ...`;
}
