/* One exercise of a page: fields for the answer, buttons, and what a check has said. What is on the
   page without this script, the code to start from, hints and solution, is what it works with. */
import { EXERCISES, IMPORTS } from "./catalog.js";
import { button, element } from "../elements.js";
import { makeEditor, insert } from "./editor.js";
import { attempted, DRAFTS, progress } from "./progress.js";
import { NoPython, Runner, RunnerError } from "./runner.js";
import { safeNodes } from "./verdict.js";

export const SIZE = "about 11 MB"; // of Python with NumPy
const runner = new Runner(new URL("worker.js", import.meta.url));
let running = null; // the exercise that is being checked
let loaded = false;

/* ---- what was written, kept from one visit to the next ---- */

function drafts() {
  try {
    const kept = Object.entries(JSON.parse(localStorage.getItem(DRAFTS)) ?? {});
    return Object.fromEntries(kept.filter(([, text]) => typeof text === "string"));
  } catch {
    return {};
  }
}

function keepDraft(name, text) {
  const kept = drafts();
  if (text === null) delete kept[name];
  else kept[name] = text;
  try {
    localStorage.setItem(DRAFTS, JSON.stringify(kept));
  } catch {
    progress.notKept();
  }
}

/* ---- one exercise ---- */

export class Exercise {
  constructor(name, place) {
    this.name = name;
    this.facts = EXERCISES[name];
    this.section = place.closest("section");
    this.title = this.section.querySelector("h2").firstChild.textContent.trim();
    const parts = [...this.section.children];
    [this.stubCell, this.checkCell] = parts.filter((part) => part.matches("div.cell"));
    this.stub = this.stubCell.querySelector("pre").textContent.trimEnd();
    const folded = (title) => parts.find((part) => part.matches("details") &&
      part.querySelector("summary").textContent.trim() === title);
    this.hints = folded("Hints");
    this.solution = folded("Solution");
    this.#build();
  }

  #build() {
    this.status = element("span", { class: "exercise-state" });
    this.result = element("div", { class: "exercise-result", role: "status" });
    this.spoken = element("div", { class: "exercise-spoken", role: "status" });
    this.printed = element("pre", { class: "exercise-printed", hidden: true, tabindex: "0" });
    this.covered = element("div", { class: "exercise-covered" });
    this.checkButton = button("Check", () => this.check());
    this.hintButton = button("Hint", () => this.hint());
    this.solutionButton = button("Solution", () => this.showSolution());
    this.resetButton = button("Reset", () => this.reset());
    const buttons = [this.checkButton, this.hintButton, this.solutionButton, this.resetButton];
    for (const one of buttons) one.setAttribute("aria-describedby", this.#titleId());
    this.form = element("div", { class: "exercise-form", "data-exercise": this.name },
      ...this.#answerField(), this.covered,
      element("div", { class: "exercise-buttons" }, ...buttons, this.status), this.result, this.printed, this.spoken);
    this.checkCell.after(this.form);
    this.stubCell.hidden = this.checkCell.hidden = true;
    this.show();
  }

  #titleId() {
    const heading = this.section.querySelector("h2");
    heading.id ||= `title-${this.name}`;
    return heading.id;
  }

  /* Fields for the answer; sets `read`, which returns it as text, and `fill`, which writes one. */
  #answerField() {
    return this.facts.kind === "choice" ? this.#options() : this.#textField();
  }

  #textField() {
    const { kind } = this.facts;
    const isCode = kind === "code" || kind === "numeric";
    const start = isCode ? this.stub : "";
    const label = { output: "What it prints", words: "Your explanation" }[kind] ?? "Your code";
    const name = `${label}: ${this.title}`;
    const area = element("textarea", { class: isCode ? "exercise-code" : "exercise-text",
      "aria-label": name, spellcheck: isCode ? "false" : "true", autocapitalize: "off", autocomplete: "off" });
    this.read = () => area.value;
    this.start = start;
    this.fill = (text) => {
      area.select();
      insert(area, text); // so that undo brings back what was there
    };
    area.value = drafts()[this.name] ?? start;
    area.addEventListener("input", () => keepDraft(this.name, area.value === start ? null : area.value));
    if (!isCode) {
      area.rows = kind === "words" ? 6 : 3;
      return [area];
    }
    makeEditor(area, { onrun: () => this.check() });
    const help = element("p", { class: "exercise-keys", id: `keys-${this.name}` },
      "Tab indents; Escape, then Tab leaves the field. Ctrl+Enter checks.");
    area.setAttribute("aria-describedby", help.id);
    return [area, help];
  }

  /* The options of the task become fields of a form. */
  #options() {
    const list = [...this.section.querySelectorAll(":scope > ul")].at(-1);
    list.classList.add("exercise-options");
    const type = this.facts.several ? "checkbox" : "radio";
    const inputs = [...list.children].map((item) => {
      const letter = item.querySelector("strong").textContent;
      const input = element("input", { type, name: `option-${this.name}`, value: letter });
      const text = item.querySelector(":scope > p") ?? item;
      const label = element("label", {}, input, element("span", {}, ...text.childNodes));
      item.replaceChildren(label);
      return input;
    });
    list.setAttribute("role", "group");
    list.setAttribute("aria-label", `Options: ${this.title}`);
    for (const item of list.children) item.setAttribute("role", "presentation");
    this.start = "";
    this.read = () => inputs.filter((input) => input.checked).map((input) => input.value).join("");
    this.fill = (text) => inputs.forEach((input) => { input.checked = text.includes(input.value); });
    this.fill(drafts()[this.name] ?? "");
    list.addEventListener("change", () => keepDraft(this.name, this.read() || null));
    return [];
  }

  /* Show what the record says. */
  show() {
    const record = progress.of(this.name);
    const points = (share) => `${+(share * this.facts.points).toPrecision(3)} of ${this.facts.points}`;
    this.status.textContent = record.solved ? "Solved"
      : record.attempts ? `Best so far: ${points(record.best)} points` : "";
    this.status.classList.toggle("solved", Boolean(record.solved));
    const items = [...this.hints.querySelectorAll("ol > li")];
    this.hints.hidden = !record.hints;
    items.forEach((item, number) => { item.hidden = number >= record.hints; });
    this.solution.hidden = !record.solution;
  }

  hint() {
    const items = [...this.hints.querySelectorAll("ol > li")];
    progress.update(this.name, (record) => ({ ...record, hints: Math.min(record.hints + 1, items.length) }));
    this.hints.open = true;
    this.show();
    const { hints } = progress.of(this.name);
    this.spoken.textContent = `Hint ${hints} of ${items.length}: ${items[hints - 1].textContent.trim()}`;
  }

  showSolution() {
    if (!progress.of(this.name).attempts && !this.pythonMissing) { // who can't try need not
      this.say("Try it first: press Check with any answer, even a wrong one. Or take a hint.");
      return;
    }
    progress.update(this.name, (record) => ({ ...record, solution: true }));
    this.show();
    this.solution.open = true;
    this.spoken.textContent = "The solution is below.";
  }

  reset() {
    this.fill(this.start);
    keepDraft(this.name, null);
    this.covered.replaceChildren();
    this.result.replaceChildren();
    this.printed.hidden = true;
    if (this.facts.kind !== "choice") this.say("As at the start. Undo (Ctrl+Z) brings your text back.");
  }

  say(text) {
    this.result.replaceChildren(element("p", { class: "exercise-said" }, text));
  }

  async check() {
    if (running === this) return runner.stop();
    if (running) return this.say(`"${running.title}" is being checked. Wait for it, or press Stop there.`);
    running = this;
    this.checkButton.textContent = "Stop";
    this.printed.hidden = true;
    this.printed.textContent = "";
    this.say(loaded ? "Checking ..." : `Loading Python (${SIZE}, once for the whole site) ...`);
    try {
      await this.#ask();
      loaded = true;
      this.pythonMissing = false;
    } catch (error) {
      if (!(error instanceof RunnerError)) throw error;
      this.pythonMissing = error instanceof NoPython;
      this.say(error.message);
    } finally {
      running = null;
      this.checkButton.textContent = "Check";
    }
  }

  async #ask() {
    const { place } = this.facts;
    const ticked = [...this.covered.querySelectorAll("input")];
    const request = { exercise: this.name, place, imports: IMPORTS[place[0]], answer: this.read() };
    const numbers = ticked.filter((input) => input.checked).map((input) => Number(input.value));
    if (ticked.length) request.covered = numbers;
    const { verdict, trouble } = await runner.check(request, {
      status: (text) => this.say(text),
      printed: (text) => {
        this.printed.hidden = false;
        this.printed.append(text);
      },
    });
    if (trouble) {
      this.result.replaceChildren(element("pre", { class: "exercise-trouble", tabindex: "0" }, trouble));
      return;
    }
    this.#judged(verdict);
  }

  #judged(verdict) {
    const before = progress.of(this.name).solved;
    if (!["not attempted", "not judged"].includes(verdict.state)) {
      progress.update(this.name, (record) => attempted(record, verdict.share));
    }
    this.result.replaceChildren(...safeNodes(verdict.html));
    if (!before && progress.of(this.name).solved) {
      this.result.append(element("p", { class: "exercise-said" }, "Solved. The button Solution shows ours."));
    }
    if (verdict.state === "to assess") this.#askWhatIsCovered();
  }

  #askWhatIsCovered() {
    const labels = Array.from({ length: this.facts.key_points }, (_, index) =>
      element("label", {}, element("input", { type: "checkbox", value: String(index + 1) }), ` ${index + 1}`));
    this.covered.replaceChildren(element("fieldset", {},
      element("legend", {}, "My text makes these points"), ...labels));
  }
}
