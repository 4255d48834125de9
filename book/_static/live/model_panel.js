/* What every widget with a model needs: the choice of weights, a bar while they load, one request at a
   time, and errors in words. */

import { ask } from "./client.js";
import { button, check, h, megabytes, status } from "./view.js";

const NOTE = {
  int8: "The weights here are rounded to 8 bits. At a typical place that changes probabilities by up to "
    + "0.2 percentage points; at the worst one of 1,200 measured it was 4.",
  float16: "The weights are those that the page was made with.",
};

/* Args: model, "base" or "chat"; models, how many of them are loaded; run, called when the reader
   asks, with a function `request(task, values, onPiece)` that gives a Promise; text, what the button
   says; results, where `run` puts what it finds: emptied when a run fails.
   `run` also gets {onProgress, signal}, for a model that does not run in the Worker.
   Returns: {nodes, go, stop, say, describe}: what to put on the page; a function that starts a run, or lets
   the one that is on be followed by another; one that stops it; one that says something in the status
   line; and one that puts another note in the place of that on the weights, or puts that back. */
export function modelPanel({ model = "base", models = 1, run, text = "Run", results = [] }) {
  const size = (each) => `${(models * each).toFixed(1)} MB`;
  const exact = check(`exact weights (${size(10.5)} in place of ${size(4.9)})`, { onchange: () => describe() });
  const start = button(text, () => stopping || go()); // one at a time
  const end = button("Stop", () => stop());
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Loading the model" });
  const line = status();
  const note = h("p", { class: "live-note" }, NOTE.int8);
  bar.hidden = end.hidden = true;
  let stopping = null, isOutdated = false;

  function describe(words) {
    exact.node.hidden = words !== undefined;
    note.textContent = words ?? NOTE[exact.value() ? "float16" : "int8"];
  }

  function progress(loaded, total) {
    bar.hidden = false;
    bar.value = loaded / total;
    line.textContent = `Loading the model: ${megabytes(loaded)} of ${megabytes(total)}.`;
  }

  function say(words) {
    line.className = "live-status";
    line.textContent = words;
  }

  function stop() {
    isOutdated = false;
    stopping?.abort(new Error("Stopped."));
  }

  async function go() {
    isOutdated = true;
    if (stopping) return; // the run that is on is followed by one more
    start.ariaDisabled = "true"; // `disabled` would drop the keyboard's focus
    end.hidden = false;
    while (isOutdated) {
      isOutdated = false;
      stopping = new AbortController();
      await runOnce(stopping.signal);
    }
    stopping = null;
    if (document.activeElement === end) start.focus();
    bar.hidden = end.hidden = true;
    start.ariaDisabled = null;
  }

  async function runOnce(signal) {
    let hasPieces = false;
    say("The model is reading.");
    const precision = exact.value() ? "float16" : "int8";
    const request = (task, values, onPiece) => ask(task, { model, precision, ...values }, {
      signal, onProgress: progress,
      onPiece: (piece) => {
        hasPieces = true;
        onPiece?.(piece);
      },
    });
    try {
      line.textContent = await run(request, { onProgress: progress, signal }) ?? "Done.";
    } catch (error) {
      // What another text has led to must not look like an answer to this one.
      if (!signal.aborted || !hasPieces) for (const node of results) node.replaceChildren();
      line.classList.toggle("live-error", !signal.aborted);
      line.textContent = error.message;
    }
  }

  const buttons = h("div", { class: "live-buttons" }, start, end, exact.node);
  return { nodes: [buttons, bar, line, note], go, stop, say, describe };
}
