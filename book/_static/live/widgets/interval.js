/* How sure a score is, and whether two systems on the same items can be told apart. */

import { gain, mcnemar, wilson } from "../intervals.js";
import { counted, grouped, h, number, row, status, table } from "../view.js";

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
      const percent = digits([low, high], ([one, other]) => one !== other);
      return [`${grouped(right)} of ${grouped(total)}`, `${percent(right / total)} %`, `${percent(low)} % to ${percent(high)} %`];
    };
    place.replaceChildren(table("Each system by itself, with Wilson's interval", ["system", "right", "share", "95 %"], [
      ["old", ...shown(counts.both + counts.lost)], ["new", ...shown(counts.both + counts.won)]]));
    line.textContent = compared(counts);
  }
  draw();
  return [row(fields.both, fields.lost), row(fields.won, fields.neither), place, line];
}

/* What the four cells say, in words. p and the interval are two approximations: near 5 % they may differ. */
export function compared(counts) {
  const { difference, low, high } = gain(counts), p = mcnemar(counts.lost, counts.won);
  const numbers = [difference, low, high].map((share) => (Math.abs(share) < EXACT ? 0 : share));
  const hasSigns = (texts) => texts.every((text, at) => Math.sign(Number(text)) === Math.sign(numbers[at]));
  const points = numbers.map(digits(numbers, hasSigns));
  const isSeen = numbers[1] > 0 || numbers[2] < 0;
  const reaches = isSeen ? "the interval does not reach 0" : "the interval reaches 0, so this may be chance";
  const agree = isSeen === p < 0.05 ? "" : " It is a close call: p says the other, beside 0.05.";
  const shown = p < 0.001 ? "< 0.001" : `= ${p.toFixed(p.toFixed(3) === "0.050" ? 5 : 3)}`;
  return `${counted(counts.won, "item")} won, ${grouped(counts.lost)} lost: p ${shown}. `
    + `Gain ${points[0]} points (${points[1]} to ${points[2]}): ${reaches}.${agree}`;
}

const EXACT = 1e-12; // of a share: less is what adding up leaves

/* Writes shares in percent, with as few digits as `isEnough` of their texts. */
function digits(shares, isEnough) {
  const write = (count) => (share) => (100 * share).toFixed(count).replace(/^-(0(\.0+)?)$/, "$1");
  const count = [0, 1, 2, 3, 4, 5].find((one) => isEnough(shares.map(write(one))));
  return write(count ?? 5);
}
