/* Losses of the training pages, as functions of single numbers. */

/* The objective E[reward] - beta * KL(policy || reference) is largest for this policy:
   reference * exp(reward / beta), divided by its sum. */
export function bestPolicy(reference, rewards, beta) {
  const exponents = reference.map((p, i) => Math.log(p) + rewards[i] / beta);
  const most = Math.max(...exponents);
  const weights = exponents.map((x) => Math.exp(x - most));
  const total = weights.reduce((sum, x) => sum + x, 0);
  return weights.map((x) => x / total);
}

export function meanReward(policy, rewards) {
  return policy.reduce((sum, p, i) => sum + p * rewards[i], 0);
}

/* KL(policy || reference) in nats. */
export function divergence(policy, reference) {
  return policy.reduce((sum, p, i) => sum + (p > 0 ? p * Math.log(p / reference[i]) : 0), 0);
}

/* The reward that a policy stands for: beta * log(policy / reference). DPO compares these. */
export function implicitRewards(policy, reference, beta) {
  return policy.map((p, i) => beta * Math.log(p / reference[i]));
}

/* PPO's clipped gain for one token: min(ratio * A, clip(ratio) * A), and whether the clipped one of
   the two is the smaller, so that no gradient is left. */
export function clippedGain(ratio, advantage, range) {
  const limited = Math.min(1 + range, Math.max(1 - range, ratio));
  const gain = Math.min(ratio * advantage, limited * advantage);
  return { gain, isFlat: ratio !== limited && limited * advantage < ratio * advantage };
}

/* DPO's loss for one pair, -log sigmoid(beta * (chosen - rejected)), of the log-ratios of policy and
   reference in nats. */
export function dpoLoss(chosen, rejected, beta) {
  return Math.log1p(Math.exp(-beta * (chosen - rejected)));
}

/* Bradley-Terry: {probability, loss} of the choice of a pair, sigmoid(chosen - rejected) and minus its
   logarithm. */
export function bradleyTerry(chosen, rejected) {
  return { probability: 1 / (1 + Math.exp(rejected - chosen)), loss: Math.log1p(Math.exp(rejected - chosen)) };
}

/* The mean of the best of n that are drawn from some rewards, none twice: the i-th smallest is the best
   of the draw with probability C(i - 1, n - 1) / C(N, n). */
export function bestOf(rewards, n) {
  const sorted = [...rewards].sort((a, b) => a - b), all = sorted.length;
  const within = (count) => { // are n draws among the `count` smallest? C(count, n) / C(all, n)
    let share = 1;
    for (let i = 0; i < n; i++) share *= Math.max(0, count - i) / (all - i);
    return share;
  };
  return sorted.reduce((sum, reward, i) => sum + reward * (within(i + 1) - within(i)), 0);
}

/* How far best of n moves from the model at most, in nats. */
export const bestOfDivergence = (n) => Math.log(n) - (n - 1) / n;
