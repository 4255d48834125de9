"""The losses of every training stage, as functions of tensors.

None of them sees a model: they take logits, log-probabilities, values or rewards that a model gave.
A ``completion_mask`` is boolean and says which tokens count (True = written by the assistant). What
is elsewhere, NaN and infinity included, reaches neither the loss nor the gradient. Gradients
flow into the first arguments only; everything "old", every reference and every advantage is taken
as a constant.

Left out: entropy bonuses, label smoothing, losses for variants such as IPO, KTO or DAPO.

Shape letters: ``B`` sequences, responses or pairs in a batch, ``T`` tokens, ``V`` vocabulary size.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from companion._checks import check_above_zero
from companion._shapes import check_rows, check_shapes, check_tokens, widened
from companion.advantages import kl_estimate


def masked_cross_entropy(logits: Tensor, labels: Tensor, completion_mask: Tensor) -> Tensor:
    """Cross-entropy of next-token prediction over the tokens that count: the loss of SFT.

    ``-1/N * sum of log p(y_t | y_<t)`` over the ``N`` tokens where the mask is True, eq. 1 of
    Radford et al. 2018 (GPT), as a mean instead of a sum. Logits and labels are shifted *here*: the
    logits at ``t - 1`` predict the label at ``t``, and nothing predicts the label at 0. Taught in
    :doc:`/book/training/instruction-tuning`.

    Args:
        logits: What the model returns for ``labels``, shape ``(B, T, V)``.
        labels: Token ids of the same text, not shifted, shape ``(B, T)``.
        completion_mask: True for tokens that the model shall learn to write, shape ``(B, T)``.

    Returns:
        Mean over all tokens of the batch that count, in nats, a scalar. Long answers weigh more.

    Raises:
        ValueError: If a shape is wrong, no token counts, or a label that counts is no token id.

    Example:
        A model that finds all four tokens equally likely pays log 4.

        >>> logits, labels = torch.zeros(1, 3, 4), torch.tensor([[0, 1, 2]])
        >>> masked_cross_entropy(logits, labels, torch.tensor([[False, True, True]]))
        tensor(1.3863)
    """
    check_tokens(completion_mask, labels=labels)
    check_rows(completion_mask)
    if logits.dim() != 3 or logits.shape[:2] != labels.shape:
        shapes = f"{tuple(logits.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"logits must be (B, T, V) and labels (B, T), got {shapes}")
    counts = completion_mask[:, 1:]
    _check_kept(counts)
    kept = labels[:, 1:][counts]  # (N,)
    if kept.min() < 0 or kept.max() >= logits.shape[-1]:
        raise ValueError(
            f"labels that count must be from 0 to {logits.shape[-1] - 1}, got {kept.min()} to "
            f"{kept.max()}. Mark ignored positions (-100) as False in completion_mask."
        )
    scores = logits[:, :-1][counts]  # (N, V)
    return F.cross_entropy(widened(scores), kept)


def reward_model_loss(chosen_rewards: Tensor, rejected_rewards: Tensor) -> Tensor:
    """Bradley-Terry loss of a reward model, one value per pair.

    ``-log sigmoid(r_chosen - r_rejected)``, eq. 1 of Ouyang et al. 2022,
    https://arxiv.org/abs/2203.02155. Taught in :doc:`/book/training/reward-model`.

    Args:
        chosen_rewards: Scalar reward of each preferred response, shape ``(B,)``.
        rejected_rewards: Scalar reward of each other response, shape ``(B,)``.

    Returns:
        Loss per pair in nats, shape ``(B,)``. Average it in the caller.

    Raises:
        ValueError: If the shapes differ or are not ``(B,)``.

    Example:
        A model that cannot tell the two apart pays log 2.

        >>> reward_model_loss(torch.zeros(1), torch.zeros(1))
        tensor([0.6931])
    """
    check_shapes(1, chosen_rewards=chosen_rewards, rejected_rewards=rejected_rewards)
    return -F.logsigmoid(widened(chosen_rewards) - widened(rejected_rewards))


def ppo_policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    completion_mask: Tensor,
    *,
    clip_range: float = 0.2,
) -> Tensor:
    """Clipped surrogate loss of PPO: raise what was better than expected, but not too far.

    ``-mean(min(rho * A, clip(rho, 1 - c, 1 + c) * A))`` with ``rho = exp(logprobs - old_logprobs)``
    and ``c = clip_range``, eq. 7 of Schulman et al. 2017, https://arxiv.org/abs/1707.06347, with
    the sign turned: the paper maximizes. Where the ratio has already left the range in the
    direction that the advantage asks for, the gradient is 0. Taught in :doc:`/book/training/ppo`.

    Args:
        logprobs: Log-probabilities under the policy that is trained, nats, shape ``(B, T)``.
        old_logprobs: The same under the policy that wrote the tokens, ``(B, T)``. A constant.
        advantages: Advantage of each token, ``(B, T)``. A constant.
        completion_mask: True for tokens that count, shape ``(B, T)``.
        clip_range: How far the ratio may usefully move from 1.

    Returns:
        Mean over all tokens of the batch that count, a scalar.

    Raises:
        ValueError: If a shape is wrong, no token counts, or ``clip_range`` is not above 0.

    Example:
        The ratio is 1.5 where 1.2 is the limit, so the token counts 1.2 times its advantage.

        >>> logprobs, old = torch.tensor([[0.6]]).log(), torch.tensor([[0.4]]).log()
        >>> ppo_policy_loss(logprobs, old, torch.tensor([[1.0]]), torch.tensor([[True]]))
        tensor(-1.2000)
    """
    check_tokens(
        completion_mask, logprobs=logprobs, old_logprobs=old_logprobs, advantages=advantages
    )
    _check_kept(completion_mask, clip_range=clip_range)
    given = (logprobs, old_logprobs.detach(), advantages.detach())
    now, old, gains = (widened(tensor[completion_mask]) for tensor in given)  # (N,) each
    return -_clipped_surrogate(now, old, gains, clip_range).mean()


def ppo_value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    completion_mask: Tensor,
    *,
    clip_range: float = 0.2,
) -> Tensor:
    """Squared error of the value model, clipped around what it said before the update.

    ``0.5 * mean(max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2))``. The clipping is not in
    the PPO paper, whose eq. 9 has the plain square and no half; it is common in implementations and
    described in section 3 of Engstrom et al. 2020, https://arxiv.org/abs/2005.12729. The maximum is
    the pessimistic choice for a loss, as the minimum is for the surrogate. Taught in
    :doc:`/book/training/ppo`.

    Args:
        values: What the value model says now, shape ``(B, T)``.
        old_values: What it said when the tokens were written, ``(B, T)``. A constant.
        returns: What it should say, from `generalized_advantages`, ``(B, T)``. A constant.
        completion_mask: True for tokens that count, shape ``(B, T)``.
        clip_range: How far a value may usefully move, in units of reward.

    Returns:
        Mean over all tokens of the batch that count, a scalar.

    Raises:
        ValueError: If a shape is wrong, no token counts, or ``clip_range`` is not above 0.

    Example:
        The value went from 0 to 0.5 towards 1; clipped at 0.2 the error is 0.8.

        >>> values, old, returns = (torch.tensor([[x]]) for x in (0.5, 0.0, 1.0))
        >>> ppo_value_loss(values, old, returns, torch.tensor([[True]]))
        tensor(0.3200)
    """
    check_tokens(completion_mask, values=values, old_values=old_values, returns=returns)
    _check_kept(completion_mask, clip_range=clip_range)
    given = (values, old_values.detach(), returns.detach())
    now, old, target = (widened(tensor[completion_mask]) for tensor in given)  # (N,) each
    clipped = torch.clamp(now, old - clip_range, old + clip_range)
    return 0.5 * torch.maximum((now - target) ** 2, (clipped - target) ** 2).mean()


def dpo_loss(
    policy_chosen_logprobs: Tensor,
    policy_rejected_logprobs: Tensor,
    reference_chosen_logprobs: Tensor,
    reference_rejected_logprobs: Tensor,
    *,
    beta: float = 0.1,
) -> Tensor:
    """Loss of direct preference optimization, one value per pair.

    ``-log sigmoid(beta * (log pi(y_w)/ref(y_w) - log pi(y_l)/ref(y_l)))``, eq. 7 of Rafailov et al.
    2023, https://arxiv.org/abs/2305.18290: `reward_model_loss` with the implicit reward
    ``beta * log(pi / ref)``. The log-probabilities are *summed* over the tokens of a response, not
    averaged; a mean would give another loss. Taught in :doc:`/book/training/dpo-grpo`.

    Args:
        policy_chosen_logprobs: Log-probability of each preferred response, nats, shape ``(B,)``.
        policy_rejected_logprobs: Of each other response, ``(B,)``.
        reference_chosen_logprobs: As the first under the reference model, ``(B,)``. A constant.
        reference_rejected_logprobs: As the second, likewise.
        beta: Price of leaving the reference, in units of the implicit reward per nat.

    Returns:
        Loss per pair in nats, shape ``(B,)``. Average it in the caller.

    Raises:
        ValueError: If the shapes differ or are not ``(B,)``, or ``beta`` is not above 0.

    Example:
        A policy that equals the reference pays log 2.

        >>> same = torch.tensor([-5.0])
        >>> dpo_loss(same, 2 * same, same, 2 * same)
        tensor([0.6931])
    """
    check_shapes(
        1,
        policy_chosen_logprobs=policy_chosen_logprobs,
        policy_rejected_logprobs=policy_rejected_logprobs,
        reference_chosen_logprobs=reference_chosen_logprobs,
        reference_rejected_logprobs=reference_rejected_logprobs,
    )
    check_above_zero(beta=beta)
    return reward_model_loss(
        beta * (widened(policy_chosen_logprobs) - widened(reference_chosen_logprobs).detach()),
        beta * (widened(policy_rejected_logprobs) - widened(reference_rejected_logprobs).detach()),
    )


def grpo_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    completion_mask: Tensor,
    *,
    reference_logprobs: Tensor | None = None,
    clip_range: float = 0.2,
    beta: float = 0.0,
) -> Tensor:
    """Loss of group relative policy optimization: PPO's surrogate with one advantage per response.

    ``-1/B * sum over i of 1/|o_i| * sum over t of (min(rho * A_i, clip(rho) * A_i) - beta * k3)``,
    eq. 3 of Shao et al. 2024, https://arxiv.org/abs/2402.03300, with the sign turned. Unlike in
    PPO, the KL penalty is part of the loss, and the mean is over the tokens of a response first:
    a token of a long response weighs less. (DAPO and TRL's default average over all tokens of the
    batch; TRL calls this one ``loss_type="grpo"``.) Taught in :doc:`/book/training/dpo-grpo`.

    Args:
        logprobs: Log-probabilities under the policy that is trained, nats, shape ``(B, T)``.
        old_logprobs: The same under the policy that wrote the tokens, ``(B, T)``. A constant.
        advantages: From `companion.advantages.group_advantages`, shape ``(B,)``. A constant.
        completion_mask: True for tokens that count, shape ``(B, T)``. A response without any adds
            nothing to the sum but counts in ``B``.
        reference_logprobs: The same under the reference model, ``(B, T)``. A constant. Needed if
            ``beta`` is above 0.
        clip_range: How far the ratio may usefully move from 1.
        beta: Weight of the KL penalty, from 0 up.

    Returns:
        The loss, a scalar.

    Raises:
        ValueError: If a shape is wrong, no token counts, or a number is out of range.

    Example:
        The better of two responses has two tokens, the other one; all ratios are 1.

        >>> logprobs = torch.full((2, 2), -1.0)
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> grpo_loss(logprobs, logprobs, torch.tensor([1.0, -0.5]), mask)
        tensor(-0.2500)
    """
    check_tokens(completion_mask, logprobs=logprobs, old_logprobs=old_logprobs)
    check_rows(completion_mask, advantages=advantages)
    _check_kept(completion_mask, clip_range=clip_range)
    if beta < 0 or (beta > 0 and reference_logprobs is None):
        raise ValueError(f"beta={beta} must not be negative, and above 0 needs reference_logprobs")
    rows = completion_mask.nonzero()[:, 0]  # (N,), which response each token belongs to
    given = (logprobs, old_logprobs.detach())
    now, old = (widened(tensor[completion_mask]) for tensor in given)  # (N,) each
    gain = _clipped_surrogate(now, old, advantages.detach()[rows], clip_range)
    if beta > 0:
        check_shapes(logprobs=logprobs, reference_logprobs=reference_logprobs)
        reference = reference_logprobs.detach()[completion_mask]
        gain = gain - beta * kl_estimate(now, reference, estimator="k3")
    return -(gain / completion_mask.sum(dim=-1)[rows]).sum() / len(logprobs)


def _clipped_surrogate(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip_range: float
) -> Tensor:
    """Return ``min(rho * A, clip(rho) * A)`` of tokens that count, shape ``(N,)``."""
    ratio = (logprobs - old_logprobs).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return torch.minimum(ratio * advantages, clipped * advantages)


def _check_kept(counts: Tensor, **above_zero: float) -> None:
    if not counts.any():
        raise ValueError("no token counts: the mask is False for all that could (True = counts)")
    check_above_zero(**above_zero)
