/* The panel at the top of a page of exercises: points, and the file of progress. */
import { button, counted, element } from "../elements.js";
import { SIZE } from "./form.js";
import { progress, ProgressError, write } from "./progress.js";

export const panel = {
  build(exercises) {
    this.exercises = exercises;
    this.line = element("p", { class: "exercise-total" });
    this.said = element("p", { class: "exercise-note", role: "status" });
    this.trouble = element("p", { class: "exercise-note", role: "status" });
    this.file = element("input", { type: "file", accept: ".json,application/json", hidden: true,
      onchange: () => this.load() });
    const sent = globalThis.exerciseReader === undefined
      ? "nothing is sent, and what you write and solve is kept here and nowhere else"
      : "the learning platform gets your points and what you have solved";
    const explained = element("p", { class: "exercise-note" },
      `The first Check loads Python, ${SIZE}, once for the whole site. Your code runs in this browser; ` +
      `${sent}. A progress file is the one that notebooks keep, ~/.companion/progress.json.`);
    this.node = element("section", { class: "exercise-panel", "aria-label": "Your progress" },
      this.line, explained,
      element("div", { class: "exercise-buttons" },
        button("Save progress to a file", () => this.save()),
        button("Add a progress file", () => this.file.click()), this.file),
      this.said, this.trouble);
    return this.node;
  },

  show() {
    const records = this.exercises.map((one) => [one, progress.of(one.name)]);
    const solved = records.filter(([, record]) => record.solved).length;
    const points = records.reduce((sum, [one, record]) => sum + record.best * one.facts.points, 0);
    const most = records.reduce((sum, [one]) => sum + one.facts.points, 0);
    this.line.textContent = `${solved} of ${records.length} solved, ${+points.toPrecision(3)} of ${most} points`;
    if (this.trouble.textContent !== progress.trouble) this.trouble.textContent = progress.trouble;
  },

  save() {
    const address = URL.createObjectURL(new Blob([write(progress.records)], { type: "application/json" }));
    element("a", { href: address, download: "progress.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    this.said.textContent = "Saved as progress.json. In a notebook: " +
      'ex.add_progress("progress.json") adds it to what is known there.';
  },

  async load() {
    const [file] = this.file.files;
    if (!file) return;
    try {
      const added = progress.add(await file.text(), { toKeep: true });
      const knows = `the file knows ${counted(added.count, "exercise")}`;
      this.said.textContent = added.kept
        ? `Added: ${knows}. What you had is still there.`
        : `Added until you close the page: ${knows}. Keep the file.`;
    } catch (error) {
      if (!(error instanceof ProgressError)) throw error;
      this.said.textContent = `"${file.name}" can't be added: ${error.message}. Nothing was changed.`;
    }
    this.file.value = "";
  },
};
