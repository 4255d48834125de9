/* A turn of the model on its way to an effect: which station stops it. */

import { TOOLS, check } from "../stations.js";
import { check as box, choice, h, row, status, table, textField } from "../view.js";

const STATIONS = ["parser", "allow-list", "schema", "approval", "tool"];
const RULES = [["words", "only the user's words"], ["nobody", "nobody is asked"], ["no check", "no check"]];

/* user: what the user wrote; turn: what the model wrote, an attack of the page to begin with. */
export default function stations({ user, turn }) {
  const asked = textField("The user wrote", user, { rows: 1, onchange: draw });
  const written = textField("The model wrote", turn, { rows: 3, onchange: draw });
  const tools = Object.keys(TOOLS).map((name) => ({ name, field: box(name, { checked: true, onchange: draw }) }));
  const rule = choice("Approval of messages", RULES, { value: "words", onchange: draw });
  const place = h("div"), line = status();

  function draw() {
    const allowed = tools.filter(({ field }) => field.value()).map(({ name }) => name);
    const { station, words } = check(written.value(), { allowed, user: asked.value(), rule: rule.value() });
    if (station === "not a call") {
      line.textContent = "This is no call. It is shown as an answer, as text.";
      place.replaceChildren();
      return;
    }
    const at = STATIONS.indexOf(station);
    line.textContent = at < 0 ? `Nothing stops it: ${words}.` : `Stopped by the ${station}: ${words}`;
    place.replaceChildren(table("The stations, in their order", ["station", "result"], STATIONS.map((name, number) =>
      [name, at < 0 || number < at ? "passes" : number === at ? "stops it" : "not reached"])));
  }
  draw();
  return [asked.node, written.node, row(...tools.map(({ field }) => field)), rule.node, line, place];
}
