/* What a learner has done, in this browser only. The text that is stored, and saved to a file, is
   that of the notebook's ~/.companion/progress.json: companion/exercises/records.py describes it. */
import { counted } from "../elements.js";

export const VERSION = 1;
const READER = globalThis.exerciseReader ?? ""; // in a learning platform, who reads
const KEY = `exercise-progress${READER}`;
export const DRAFTS = `exercise-answers${READER}`; // {id: text}
const EMPTY = { attempts: 0, best: 0, hints: 0, solution: false, solved: "", unaided: false };
const MOST_BYTES = 10 * 2 ** 20;

const FORBIDDEN = "This browser keeps nothing for this site: its storage is full or forbidden. " +
  "Until you close the page all works; save your progress to a file, and copy your answers, before that.";

/* A sentence for the reader: what is wrong with a file. */
export class ProgressError extends Error {}

/* The records of a text, a Map by exercise: a file may name one "constructor", which an object has.
   Throws a ProgressError that says what is wrong with it. */
export function parse(text) {
  if (text.length > MOST_BYTES) throw new ProgressError("it has more than 10 MiB");
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new ProgressError("it is not JSON");
  }
  if (data?.version !== VERSION) {
    throw new ProgressError(`it is not a progress file of version ${VERSION}, which this page reads`);
  }
  if (!isObject(data.exercises)) throw new ProgressError("it has no exercises");
  for (const [name, record] of Object.entries(data.exercises)) {
    if (!isRecord(record)) throw new ProgressError(`what it says of "${name.slice(0, 60)}" can't be read`);
  }
  return new Map(Object.entries(data.exercises));
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRecord(record) {
  const names = Object.keys(EMPTY);
  return isObject(record) && Object.keys(record).length === names.length &&
    names.every((name) => typeof record[name] === typeof EMPTY[name]) &&
    isCount(record.attempts) && isCount(record.hints) && record.best >= 0 && record.best <= 1;
}

function isCount(value) { // as in the notebook: what both can write without losing a digit
  return Number.isSafeInteger(value) && value >= 0;
}

/* The text of a progress file. */
export function write(records) {
  const exercises = Object.fromEntries([...records].sort());
  return JSON.stringify({ exercises, version: VERSION }, null, 1);
}

/* One record of two: the most of each, and the earlier solution. */
export function merged(one, other) {
  const dates = [one, other].filter((record) => record.solved);
  const first = dates.sort((a, b) => (a.solved < b.solved ? -1 : 1))[0];
  return {
    attempts: Math.max(one.attempts, other.attempts),
    best: Math.max(one.best, other.best),
    hints: Math.max(one.hints, other.hints),
    solution: one.solution || other.solution,
    solved: first?.solved ?? "",
    unaided: first?.unaided ?? false,
  };
}

/* A record after one more attempt that earned a share of the points. */
export function attempted(record, share) {
  const after = { ...record, attempts: record.attempts + 1, best: Math.max(record.best, share) };
  if (share >= 1 && !record.solved) {
    after.solved = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    after.unaided = !record.solution;
  }
  return after;
}

/* The records of this browser. They live on in memory where nothing can be stored. */
class Progress {
  constructor() {
    this.trouble = ""; // why nothing is kept, a sentence
    this.records = this.#read();
    this.listeners = [];
    addEventListener("storage", (event) => {
      if (event.key === KEY) this.#follow();
    });
  }

  of(name) {
    return this.records.get(name) ?? { ...EMPTY };
  }

  /* Change one record: the change is made to what is stored now, by another tab perhaps. */
  update(name, change) {
    this.#takeIn(this.#read());
    this.records.set(name, change(this.of(name)));
    this.#store();
  }

  /* Add the records of a file; returns how many exercises it has, and whether they are kept: if not,
     they live as long as the page. Nothing is lost by it.
     toKeep: throw a ProgressError, and change nothing, where they alone are too much to be kept. */
  add(text, { toKeep = false } = {}) {
    const records = parse(text);
    this.#takeIn(this.#read());
    const before = this.records;
    this.#takeIn(records);
    if (this.#store()) return { count: records.size, kept: true };
    const after = this.records;
    this.records = before;
    if (toKeep && this.#store()) {
      throw new ProgressError(`it holds ${counted(records.size, "exercise")}, more than this browser can keep`);
    }
    this.records = after;
    this.#tell();
    return { count: records.size, kept: false };
  }

  /* Records beside those that are here: of two, the most of each. */
  #takeIn(records) {
    const all = new Map(this.records);
    for (const [name, record] of records) {
      all.set(name, all.has(name) ? merged(all.get(name), record) : record);
    }
    this.records = all;
  }

  /* Say that something could not be kept. */
  notKept() {
    this.trouble = FORBIDDEN;
    this.#tell();
  }

  #tell() {
    this.listeners.forEach((listener) => listener());
  }

  #follow() { // another tab has stored something
    this.#takeIn(this.#read(false));
    this.#tell();
  }

  #read(mend = true) {
    let text = null;
    try {
      text = localStorage.getItem(KEY);
      return text === null ? new Map() : parse(text);
    } catch (error) {
      if (!(error instanceof ProgressError)) this.trouble = FORBIDDEN;
      else if (mend) this.#setAside(text, error);
      return new Map();
    }
  }

  /* What can't be read is kept beside the new records, never overwritten. */
  #setAside(text, error) {
    try {
      const name = `${KEY}-damaged-${Date.now()}`;
      localStorage.setItem(name, text);
      localStorage.removeItem(KEY);
      this.trouble = `The progress that this browser has kept can't be read: ${error.message}. ` +
        `It is still there, as "${name}" in the browser's storage.`;
    } catch {
      this.trouble = FORBIDDEN;
    }
  }

  #store() {
    let kept = true;
    try {
      localStorage.setItem(KEY, write(this.records));
      if (this.trouble === FORBIDDEN) this.trouble = ""; // there is room again
    } catch {
      kept = false;
      this.trouble = FORBIDDEN;
    }
    this.#tell();
    return kept;
  }
}

export const progress = new Progress();
