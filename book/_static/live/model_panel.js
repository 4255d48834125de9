/* What every widget with a model needs: the choice of weights, a bar while they load, one request at a
   time, and errors in words. */

import { ask } from "./client.js";
import { button, check, h, megabytes, status } from "./view.js";

const NOTE = {
  int8: "The weights here are rounded to 8 bits. At a typical place that changes probabilities by up to "
    + "0.2 percentage points; at the worst one of 1,200 measured it was 4.",
  float16: "The weights are those that the page was made with.",
};

/* Args: model, "base" or "chat"; run, called when the reader asks, with a function
   `request(task, values, onPiece)` that gives a Promise; text, what the button says.
   Returns: {nodes, go}: what to put on the page, and a function that starts a run. */
export function modelPanel({ model = "base", run, text = "Run" }) {
  const exact = check("exact weights (10.5 MB in place of 4.9 MB)", { onchange: () => {
    note.textContent = NOTE[exact.value() ? "float16" : "int8"];
  } });
  const start = button(text, () => go());
  const stop = button("Stop", () => stopping?.abort());
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Loading the model" });
  const line = status();
  const note = h("p", { class: "live-note" }, NOTE.int8);
  bar.hidden = stop.hidden = true;
  let stopping = null;

  function progress(loaded, total) {
    bar.hidden = false;
    bar.value = loaded / total;
    line.textContent = `Loading the model: ${megabytes(loaded)} of ${megabytes(total)}.`;
  }

  async function go() {
    if (stopping) return; // one at a time
    stopping = new AbortController();
    const { signal } = stopping;
    start.disabled = true;
    stop.hidden = false;
    line.className = "live-status";
    line.textContent = "The model is reading.";
    const precision = exact.value() ? "float16" : "int8";
    const request = (task, values, onPiece) =>
      ask(task, { model, precision, ...values }, { signal, onPiece, onProgress: progress });
    try {
      line.textContent = await run(request) ?? "Done.";
    } catch (error) {
      line.className = "live-status live-error";
      line.textContent = error.message;
    }
    bar.hidden = stop.hidden = true;
    start.disabled = false;
    stopping = null;
  }

  const buttons = h("div", { class: "live-buttons" }, start, stop, exact.node);
  return { nodes: [buttons, bar, line, note], go };
}
