/* PPO's two formulas: what is wanted (reward minus beta times KL), and how far one step may go (the
   clip). */

import { bestPolicy, clippedGain, divergence, meanReward } from "../losses.js";
import { bars, choice, h, row, slider, status } from "../view.js";

export default function ppo({ reference, rewards, beta = "1" }) {
  const start = reference.split(",").map(Number), reward = rewards.split(",").map(Number);
  const price = slider("Beta, the price of a nat of KL", { min: -1, max: 1, step: 0.05, value: Math.log10(beta),
    format: (x) => (10 ** x).toPrecision(2), onchange: draw });
  const ratio = slider("Ratio of new and old probability", { min: 0.4, max: 1.6, step: 0.05, value: 1.4,
    format: (x) => x.toFixed(2), onchange: draw });
  const range = slider("Clip range", { min: 0.05, max: 0.5, step: 0.05, value: 0.2,
    format: (x) => x.toFixed(2), onchange: draw });
  const advantage = choice("Advantage", [["1", "+1"], ["-1", "-1"]], { value: "1", onchange: draw });
  const policyPlace = h("div"), policyLine = status(), clipPlace = h("div"), clipLine = status();

  function draw() {
    const policy = bestPolicy(start, reward, 10 ** price.value());
    policyPlace.replaceChildren(bars("The best policy for this beta", ["answer with reward", "probability"],
      policy.map((p, i) => ({ name: `${reward[i]}, at first ${start[i].toFixed(2)}`, share: p, text: p.toFixed(2) }))));
    policyLine.textContent = `Mean reward ${meanReward(policy, reward).toFixed(2)}, `
      + `KL ${divergence(policy, start).toFixed(2)} nats.`;

    const gained = Number(advantage.value());
    const { gain, isFlat } = clippedGain(ratio.value(), gained, range.value());
    clipPlace.replaceChildren(bars("The gain of one token", ["way", "gain"], [
      { name: "not clipped", share: Math.abs(ratio.value() * gained), text: (ratio.value() * gained).toFixed(2) },
      { name: "clipped", share: Math.abs(gain), text: gain.toFixed(2) },
    ], 1.6));
    clipLine.textContent = isFlat
      ? "The clipped gain is flat here: this token has no gradient."
      : "The gain still has a slope here: this token has a gradient.";
  }
  draw();
  return [price.node, policyPlace, policyLine, row(ratio, range, advantage), clipPlace, clipLine];
}
