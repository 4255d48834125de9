/* A row of numbers in few bits. */

import { ask } from "../client.js";
import { absmax, nf4, problem, relativeError } from "../quantization.js";
import { button, choice, counted, h, megabytes, percent, row, status, table, textField } from "../view.js";

const SHOWN = 64; // numbers of a row of the model

export default function quantize({ values, tensor = "model.layers.0.mlp.down_proj.weight" }) {
  const field = textField("Numbers", values, { onchange: draw });
  const bits = choice("Format", [["8", "int8"], ["4", "int4"], ["3", "int3"], ["2", "int2"], ["nf4", "NF4"]],
    { value: "8", onchange: draw });
  const size = choice("Numbers that share a scale", [["0", "all"], "4", "8", "16", "32"],
    { value: "0", onchange: draw });
  const line = status(), place = h("div");

  function draw() {
    const numbers = field.value().split(/[\s,;]+/).filter(Boolean).map(Number);
    const wrong = problem(numbers);
    if (wrong) {
      line.textContent = wrong;
      place.replaceChildren();
      return;
    }
    const group = Number(size.value());
    const found = bits.value() === "nf4" ? nf4(numbers, group) : absmax(numbers, Number(bits.value()), group);
    place.replaceChildren(table("Each number, its code, and what comes back",
      ["number", "code", "restored", "off by"], numbers.map((value, i) => [
        String(value), String(found.codes[i]), String(Number(found.restored[i].toFixed(4))),
        (found.restored[i] - value).toFixed(4)])));
    const error = relativeError(numbers.map(Math.fround), found.restored);
    const scales = counted(found.scales.length, "scale");
    line.textContent = error === null ? `All numbers are 0 and come back as 0, with ${scales}.`
      : `Relative error ${percent(error)} with ${scales}.`;
  }

  const real = button("Take a row of pocket-chat (loads 10.5 MB)", async () => {
    if (real.ariaDisabled) return; // it loads already
    real.ariaDisabled = "true";
    try {
      const onProgress = (loaded, total) => {
        line.textContent = `Loading the model: ${megabytes(loaded)} of ${megabytes(total)}.`;
      };
      const weights = await ask("row", { model: "chat", tensor, index: 0 }, { onProgress });
      field.set(weights.slice(0, SHOWN).map((weight) => String(Number(weight.toPrecision(5)))).join(", "));
      draw();
    } catch (error) {
      line.textContent = error.message;
      place.replaceChildren();
    }
    real.ariaDisabled = null;
  });
  const outlier = button("Add an outlier, 100", () => {
    field.set(`${field.value()}, 100`);
    draw();
  });
  draw();
  return [field.node, row(bits, size), h("div", { class: "live-buttons" }, outlier, real), line, place];
}
