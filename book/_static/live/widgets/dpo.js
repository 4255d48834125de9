/* The reward that a policy stands for, and DPO's loss for one pair. */

import { bestPolicy, dpoLoss, implicitRewards } from "../losses.js";
import { h, row, slider, status, table } from "../view.js";

export default function dpo({ reference, rewards, beta = "0.5" }) {
  const start = reference.split(",").map(Number), reward = rewards.split(",").map(Number);
  const price = slider("Beta", { min: 0.1, max: 5, step: 0.1, value: beta, onchange: draw });
  const format = (x) => `${x.toFixed(1)} nats`;
  const chosen = slider("Chosen answer, log-ratio", { min: -10, max: 10, step: 0.5, value: 0, format, onchange: draw });
  const rejected = slider("Rejected answer, log-ratio", { min: -10, max: 10, step: 0.5, value: 0, format, onchange: draw });
  const place = h("div"), line = status();

  function draw() {
    const policy = bestPolicy(start, reward, price.value());
    const stands = implicitRewards(policy, start, price.value());
    place.replaceChildren(table("The best policy, and the rewards that it stands for",
      ["reward", "probability", "implicit reward", "difference"],
      reward.map((r, i) => [String(r), policy[i].toFixed(2), stands[i].toFixed(2), (r - stands[i]).toFixed(2)])));
    const loss = dpoLoss(chosen.value(), rejected.value(), price.value());
    line.textContent = `DPO's loss of the pair: ${loss.toFixed(3)} nats`
      + `${chosen.value() === rejected.value() ? ", which is log 2: the policy can't tell the two apart." : "."}`;
  }
  draw();
  return [price.node, place, row(chosen, rejected), line];
}
