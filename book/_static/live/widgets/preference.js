/* What two rewards say about a choice, and what choosing the best of n does. */

import { bestOf, bestOfDivergence, bradleyTerry } from "../losses.js";
import { bars, counted, h, percent, row, slider, status, textField } from "../view.js";

const MOST = 64; // answers to choose from

/* chosen, rejected: two rewards to start with; rewards: those of several answers, with commas. */
export default function preference({ chosen, rejected, rewards }) {
  const range = { min: -8, max: 8, step: 0.1, format: (x) => x.toFixed(1), onchange: drawPair };
  const one = slider("Reward of the chosen answer", { ...range, value: chosen });
  const two = slider("Reward of the rejected answer", { ...range, value: rejected });
  const pair = h("div"), line = status();
  const field = textField("Rewards of answers to one prompt", rewards, { onchange: drawBest });
  const count = slider("Answers drawn, n", { min: 1, max: MOST, step: 1, value: 2, onchange: drawBest });
  const place = h("div"), best = status();

  function drawPair() {
    const { probability, loss } = bradleyTerry(one.value(), two.value());
    pair.replaceChildren(bars("Which of the two is preferred", ["answer", "probability"], [
      { name: "chosen", share: probability, text: percent(probability) },
      { name: "rejected", share: 1 - probability, text: percent(1 - probability) }]));
    line.textContent = `Difference ${(one.value() - two.value()).toFixed(1)}, loss ${loss.toFixed(3)} nats`
      + `${one.value() === two.value() ? ", which is log 2: the model can't tell the two apart." : "."}`;
  }

  function drawBest() {
    const numbers = field.value().split(/[\s,;]+/).filter(Boolean).map(Number);
    const isRight = numbers.length > 0 && numbers.length <= MOST && numbers.every(Number.isFinite);
    best.classList.toggle("live-error", !isRight);
    if (!isRight) {
      best.textContent = `Write 1 to ${MOST} numbers with blanks or commas between them, such as 2.6, -1.1.`;
      place.replaceChildren();
      return;
    }
    const n = Math.min(count.value(), numbers.length);
    const low = Math.min(...numbers), high = Math.max(...numbers);
    const rows = [...new Set([1, n, numbers.length])].map((size) => {
      const reward = bestOf(numbers, size);
      return { name: `n = ${size}`, share: high > low ? (reward - low) / (high - low) : 1, text: reward.toFixed(2) };
    });
    place.replaceChildren(bars("Mean reward of the best of n of these answers", ["draw", "reward"], rows));
    best.textContent = `Best of ${counted(n, "answer")}: mean reward ${bestOf(numbers, n).toFixed(2)}, `
      + `at most ${bestOfDivergence(n).toFixed(1)} nats from the model.`
      + `${n < count.value() ? ` There ${numbers.length === 1 ? "is" : "are"} only ${counted(numbers.length, "answer")} to draw from.` : ""}`;
  }
  drawPair();
  drawBest();
  return [row(one, two), pair, line, field.node, count.node, place, best];
}
