"""From rewards to advantages: how much better was a token, or a response, than expected?

Pure functions on tensors; none of them sees a model, and none passes gradients on except
`kl_estimate`. A mask says which tokens count (True = written by the policy); what is elsewhere,
NaN included, changes no result. Completions may be padded on either side or have gaps (the output
of a tool, say): the tokens that count are taken as one sequence without the others.

Left out: responses that go on after the last token (all are treated as ended), and entropy bonuses.

Shape letters: ``B`` responses in a batch, ``T`` tokens of the longest one.
"""

from typing import Literal

import torch
from torch import Tensor

from companion._checks import check_whole
from companion._shapes import check_rows, check_shapes, check_tokens, widened


def kl_estimate(
    logprobs: Tensor, reference_logprobs: Tensor, *, estimator: Literal["k1", "k3"] = "k1"
) -> Tensor:
    """Estimate the KL divergence of the policy from the reference, one value per sampled token.

    With ``d = logprobs - reference_logprobs`` of tokens drawn from the *policy*:

    * ``k1 = d``. Unbiased; single values can be negative.
    * ``k3 = exp(-d) - 1 + d``. Unbiased too, and never negative, so it varies less while the two
      models are close. When they are far apart, its exponential grows without bound.

    Schulman 2020, http://joschu.net/blog/kl-approx.html; k3 is eq. 4 of Shao et al. 2024,
    https://arxiv.org/abs/2402.03300. The estimates are unbiased in value, their gradients are not
    those of the KL divergence. Taught in :doc:`/book/training/ppo`.

    Args:
        logprobs: Log-probabilities under the policy in nats, any shape.
        reference_logprobs: The same tokens under the reference model, same shape.
        estimator: "k1" or "k3".

    Returns:
        Estimates in nats, same shape. Nothing is masked here.

    Raises:
        ValueError: If the shapes differ or the estimator is unknown.

    Example:
        The policy gives the first token twice, the second half the reference's probability.

        >>> policy, reference = torch.tensor([0.5, 0.25]).log(), torch.tensor([0.25, 0.5]).log()
        >>> kl_estimate(policy, reference)
        tensor([ 0.6931, -0.6931])
        >>> kl_estimate(policy, reference, estimator="k3")
        tensor([0.1931, 0.3069])
    """
    check_shapes(logprobs=logprobs, reference_logprobs=reference_logprobs)
    log_ratio = widened(reference_logprobs) - widened(logprobs)
    if estimator == "k1":
        return -log_ratio
    if estimator == "k3":
        # expm1(x) is exp(x) - 1 without the rounding error that would make small values negative.
        return (log_ratio.expm1() - log_ratio).clamp_min(0.0)
    raise ValueError(f"estimator must be 'k1' or 'k3', got {estimator!r}")


@torch.no_grad()
def penalized_rewards(
    scores: Tensor,
    logprobs: Tensor,
    reference_logprobs: Tensor,
    completion_mask: Tensor,
    *,
    beta: float,
) -> Tensor:
    """Spread the reward over tokens: the KL penalty at each one, the score at the last.

    ``r_t = -beta * (log pi(y_t) - log pi_ref(y_t)) + [t is the last token] * score``, the reward in
    eq. 2 of Ouyang et al. 2022, https://arxiv.org/abs/2203.02155, taken apart token by token. Its
    sum over a response is the score minus ``beta`` times the log-ratio of the whole response.
    Taught in :doc:`/book/training/ppo`.

    Args:
        scores: Reward of each response, shape ``(B,)``.
        logprobs: Log-probabilities under the policy that wrote the tokens, nats, ``(B, T)``.
        reference_logprobs: The same tokens under the reference model, ``(B, T)``.
        completion_mask: True for tokens that count, shape ``(B, T)``.
        beta: Price of one nat of KL divergence, in units of reward, from 0 up.

    Returns:
        Rewards without gradient, 0 where the mask is False, shape ``(B, T)``.

    Raises:
        ValueError: If a shape is wrong, ``beta`` is negative, or a response has no token.

    Example:
        >>> logprobs, reference = torch.tensor([[-1.0, -1.0, 0.0]]), torch.tensor([[-1.5, -2.0, 0]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> penalized_rewards(torch.tensor([2.0]), logprobs, reference, mask, beta=0.1)
        tensor([[-0.0500,  1.9000,  0.0000]])
    """
    check_tokens(completion_mask, logprobs=logprobs, reference_logprobs=reference_logprobs)
    check_rows(completion_mask, scores=scores)
    if not beta >= 0:
        raise ValueError(f"beta must be 0 (no penalty) or more, got {beta}")
    empty = (~completion_mask.any(dim=-1)).nonzero()[:, 0].tolist()
    if empty:
        raise ValueError(
            f"response {empty[0]} has no token that counts, so its score has no place. Leave out "
            "empty responses, or count the end-of-turn token."
        )
    penalty = beta * kl_estimate(logprobs, reference_logprobs)
    rewards = torch.where(completion_mask, -penalty, 0.0)  # (B, T)
    last = completion_mask.shape[-1] - 1 - completion_mask.int().flip(-1).argmax(dim=-1)  # (B,)
    return rewards.scatter_add(-1, last[:, None], scores.to(rewards.dtype)[:, None])


@torch.no_grad()
def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    completion_mask: Tensor,
    *,
    gamma: float = 1.0,
    lam: float = 0.95,
) -> tuple[Tensor, Tensor]:
    """Compute generalized advantage estimates (GAE) and the returns that the value model learns.

    ``A_t = sum over l of (gamma * lam)^l * delta_{t+l}`` with
    ``delta_t = r_t + gamma * V_{t+1} - V_t``, eq. 16 of Schulman et al. 2016,
    https://arxiv.org/abs/1506.02438, by the backward recursion
    ``A_t = delta_t + gamma * lam * A_{t+1}``. After the last token that counts, value and advantage
    are 0. ``lam = 0`` trusts the value model (low variance), ``lam = 1`` the rewards (no bias).
    The returns are ``A_t + V_t``. Taught in :doc:`/book/training/ppo`.

    Args:
        rewards: Reward of each token, as from `penalized_rewards`, shape ``(B, T)``.
        values: What the value model expected before each token, shape ``(B, T)``.
        completion_mask: True for tokens that count, shape ``(B, T)``.
        gamma: Discount per token, from 0 to 1. 1 is usual for text.
        lam: Decay of the estimate, from 0 to 1.

    Returns:
        Advantages and returns without gradient, 0 where the mask is False, each ``(B, T)``.

    Raises:
        ValueError: If a shape is wrong, or ``gamma`` or ``lam`` is not from 0 to 1.

    Example:
        A reward of 1 at the end, which the value model half expected.

        >>> rewards, values = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5]])
        >>> generalized_advantages(rewards, values, torch.tensor([[True, True]]), lam=0.5)
        (tensor([[0.2500, 0.5000]]), tensor([[0.7500, 1.0000]]))
    """
    check_tokens(completion_mask, rewards=rewards, values=values)
    check_rows(completion_mask)
    for name, number in {"gamma": gamma, "lam": lam}.items():
        if not 0 <= number <= 1:
            raise ValueError(f"{name} must be from 0 to 1, got {number}")
    rewards, values = widened(rewards), widened(values)
    advantages = torch.zeros_like(values)  # (B, T)
    next_value = next_advantage = torch.zeros_like(values[:, 0])  # (B,), nothing after the end
    for t in reversed(range(values.shape[1])):
        counts, value = completion_mask[:, t], values[:, t]  # (B,)
        delta = rewards[:, t] + gamma * next_value - value
        advantage = delta + gamma * lam * next_advantage
        advantages[:, t] = torch.where(counts, advantage, 0.0)
        next_advantage = torch.where(counts, advantage, next_advantage)
        next_value = torch.where(counts, value, next_value)
    return advantages, torch.where(completion_mask, advantages + values, 0.0)


@torch.no_grad()
def whiten(values: Tensor, mask: Tensor, *, shift_mean: bool = True) -> Tensor:
    """Bring the kept values of a batch to variance 1, and to mean 0.

    ``(x - mean) / sqrt(var + 1e-8)`` over all values where the mask is True, with the unbiased
    variance. PPO does it to advantages, so that the learning rate means the same whatever the unit
    of the reward; it is in no equation of the PPO paper, and in most implementations. Taught in
    :doc:`/book/training/ppo`.

    Args:
        values: Any float tensor, usually advantages ``(B, T)``.
        mask: True for values that count, same shape.
        shift_mean: False keeps the mean: rewards may be scaled but not shifted, since a shift of
            every token's reward would pay for length.

    Returns:
        Whitened values without gradient, 0 where the mask is False, same shape. If all kept values
        are equal they become 0 (or the mean).

    Raises:
        ValueError: If a shape is wrong, or fewer than two values are kept.

    Example:
        >>> whiten(torch.tensor([1.0, 3.0, 100.0]), torch.tensor([True, True, False]))
        tensor([-0.7071,  0.7071,  0.0000])
    """
    check_tokens(mask, values=values)
    values = widened(values)
    kept = values[mask]
    if len(kept) < 2:
        raise ValueError(f"at least two values must be kept to have a variance, got {len(kept)}")
    variance, mean = torch.var_mean(kept)
    whitened = (values - mean) * torch.rsqrt(variance + 1e-8)
    return torch.where(mask, whitened if shift_mean else whitened + mean, 0.0)


@torch.no_grad()
def group_advantages(rewards: Tensor, *, group_size: int, scale: bool = True) -> Tensor:
    """Compare each response with the others to the same prompt.

    ``A_i = (r_i - mean(r_1..r_G)) / std(r_1..r_G)``, section 4.1.2 of Shao et al. 2024 (GRPO),
    https://arxiv.org/abs/2402.03300. As in TRL, the standard deviation is the unbiased one and 1e-4
    is added to it, so that differences by rounding are not blown up. A group of equal rewards gives
    0: it teaches nothing. Taught in :doc:`/book/training/dpo-grpo`.

    Args:
        rewards: Reward of each response, shape ``(B,)``; the responses to one prompt in a row.
        group_size: Responses per prompt, at least 2.
        scale: False leaves out the division, as in Dr. GRPO (Liu et al. 2025,
            https://arxiv.org/abs/2503.20783): dividing gives more weight to prompts that are
            almost always, or almost never, answered well.

    Returns:
        Advantages without gradient, shape ``(B,)``.

    Raises:
        ValueError: If the shape is wrong, or ``B`` is not a multiple of ``group_size``.

    Example:
        >>> group_advantages(torch.tensor([1.0, 0.0, 5.0, 5.0]), group_size=2, scale=False)
        tensor([ 0.5000, -0.5000,  0.0000,  0.0000])
    """
    check_shapes(1, rewards=rewards)
    check_whole(2, group_size=group_size)
    if len(rewards) % group_size:
        raise ValueError(
            f"there are {len(rewards)} rewards, which is no multiple of group_size={group_size}. "
            "Give every prompt the same number of responses."
        )
    groups = widened(1.0 * rewards).view(-1, group_size)  # (B / group_size, group_size)
    shifted = groups - groups.mean(dim=-1, keepdim=True)
    # The mean of equal numbers may differ from them by rounding.
    shifted = shifted.masked_fill((groups == groups[:, :1]).all(dim=-1, keepdim=True), 0.0)
    if scale:
        shifted = shifted / (groups.std(dim=-1, keepdim=True) + 1e-4)
    return shifted.view(-1)
