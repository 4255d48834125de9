/* How sure a score is, and whether two systems on the same items can be told apart. */

import { gain, mcnemar, wilson } from "../intervals.js";
import { counted, h, number, row, status, table } from "../view.js";

const MOST = 100000; // items of a kind

/* both, lost, won, neither: items right with both prompts, with the old only, with the new only, with none. */
export default function interval({ both = "66", lost = "6", won = "23", neither = "25" }) {
  const kind = (text, value) => number(text, { min: 0, max: MOST, value, onchange: draw });
  const fields = { both: kind("Right both times", both), lost: kind("Right with the old only", lost),
    won: kind("Right with the new only", won), neither: kind("Wrong both times", neither) };
  const place = h("div"), line = status();

  function draw() {
    const counts = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value()]));
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (!total) {
      place.replaceChildren();
      line.textContent = "There are no items. Write how many there are of each kind.";
      return;
    }
    const shown = (right) => {
      const [low, high] = wilson(right, total);
      return [`${right} of ${total}`, whole(right / total), `${whole(low)} to ${whole(high)}`];
    };
    place.replaceChildren(table("Each system by itself, with Wilson's interval", ["system", "right", "share", "95 %"], [
      ["old", ...shown(counts.both + counts.lost)], ["new", ...shown(counts.both + counts.won)]]));
    const { difference, low, high } = gain(counts);
    const isSeen = low > 0 || high < 0;
    line.textContent = `${counted(counts.won, "item")} won, ${counts.lost} lost: p = ${mcnemar(counts.lost, counts.won).toFixed(3)}. `
      + `Gain ${points(difference)} points (${points(low)} to ${points(high)}): `
      + `${isSeen ? "the interval does not reach 0" : "the interval reaches 0, so this may be chance"}.`;
  }
  draw();
  return [row(fields.both, fields.lost), row(fields.won, fields.neither), place, line];
}

const points = (share) => String(Math.round(100 * share) || 0);
const whole = (share) => `${Math.round(100 * share)} %`;
