/* What a number of vectors takes in each store: a plan from the recorded measurements. */

import { between, plan } from "../stores.js";
import { counted, grouped, h, number, row, sized, status, table } from "../view.js";
import { fetchFile, fetchManifest } from "../weights.js";

const FOLDER = new URL("../models/", import.meta.url).href;
const SEE = "see the page", BYTES = 4; // a number of a vector

export default function stores({ target = "1000000", dimension = "384" }) {
  const vectors = number("Vectors", { min: 20000, max: 1000000000, value: target, onchange: draw });
  const length = number("Numbers in a vector, for the last line", { min: 1, max: 100000, value: dimension, onchange: draw });
  const place = h("div"), line = status();
  let sizes = null;

  async function load() {
    line.textContent = "Loading the measurements.";
    try {
      const { records } = await fetchManifest(FOLDER);
      ({ stores: sizes } = JSON.parse(new TextDecoder().decode(await fetchFile(FOLDER, records))));
      draw();
    } catch (error) {
      line.textContent = error.message;
    }
  }

  function draw() {
    if (!sizes) return;
    const wanted = vectors.value(), [measured] = Object.values(sizes);
    const cells = Object.keys(measured).map((kind) => {
      const of = (quantity, unit, digits) => between(plan(sizes, kind, quantity, wanted), unit, digits);
      return [kind, kind.startsWith("postgres") ? SEE : of("mb", 1000), of("disk_mb", 1000), of("fill_cpu_s", 60, 0),
        kind.endsWith("hnsw") ? SEE : of("cpu_ms", 1, 0)];
    });
    place.replaceChildren(table(`For ${grouped(wanted)} vectors of 384 numbers`,
      ["store", "memory, GB", "disk, GB", "to fill, min", "ms per question"], cells));
    const bytes = wanted * length.value() * BYTES;
    line.textContent = `The vectors alone: ${sized(bytes, { step: 1000 })} with ${counted(length.value(), "number")} each. `
      + `Measured were at most 20,000, so this is a factor of ${grouped(Math.round(wanted / 20000))} away.`;
  }
  load();
  return [row(vectors, length), line, place];
}
