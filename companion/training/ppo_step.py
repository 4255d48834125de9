"""One step of PPO after the responses have their rewards: gather what is known, then update.

Taught in :doc:`/book/training/ppo`.

Shape letters: ``B`` responses of a step, ``T`` tokens of the longest one; ``b`` and ``t`` the same
of a minibatch.
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from companion.advantages import generalized_advantages, kl_estimate, penalized_rewards, whiten
from companion.losses import ppo_policy_loss, ppo_value_loss
from companion.training.ppo_config import PPOConfig
from companion.training.rollout import Rollout, score_tokens
from companion.training.value_model import ValueHead

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Experience(NamedTuple):
    """What a step learns from: responses, and what was recorded when they were sampled."""

    batch: Rollout
    """The responses, ``B`` rows."""
    old_logprobs: Tensor
    """Log-probabilities under the policy that wrote the tokens, nats, ``(B, T)``."""
    old_values: Tensor
    """What the value head expected before each token, ``(B, T)``."""
    kl: Tensor
    """Estimate k1 of the KL divergence from the reference, nats per response, ``(B,)``."""
    entropy: Tensor
    """Entropy of the policy at each token, nats, ``(B, T)``."""
    advantages: Tensor
    """How much better than expected each token did, whitened, ``(B, T)``."""
    returns: Tensor
    """What the value head should have said, ``(B, T)``."""


@torch.no_grad()
def gather(
    model: "PreTrainedModel",
    head: ValueHead,
    reference: "PreTrainedModel",
    batch: Rollout,
    scores: Tensor,
    config: PPOConfig,
    *,
    beta: float,
) -> Experience:
    """Score the tokens of fresh responses and compute advantages and returns.

    Args:
        model: The policy that wrote the responses.
        head: Its value head.
        reference: The model that the policy shall stay close to.
        batch: The responses.
        scores: Reward of each response, shape ``(B,)``.
        config: Settings.
        beta: Price of one nat of KL divergence, which may differ from ``config.beta``.

    Returns:
        Everything that `update` needs.
    """
    # 1. Score every token under the policy, its value head and the reference, a minibatch at a
    #    time. A minibatch may lack the last columns; they stay 0 there.
    mask = batch.completion_mask  # (B, T)
    logprobs, entropy, values, reference_logprobs = (
        torch.zeros(mask.shape, device=mask.device) for _ in range(4)
    )  # (B, T) each
    for index in torch.arange(len(mask)).split(config.minibatch_size):
        part = batch.rows(index)
        width = part.completion_mask.shape[1]
        scored = score_tokens(model, part)
        logprobs[index, :width] = scored.logprobs
        entropy[index, :width] = scored.entropy
        values[index, :width] = head(scored.hidden_states)
        reference_logprobs[index, :width] = score_tokens(reference, part).logprobs

    # 2. The reward of a response comes at its last token; every token pays for leaving the
    #    reference.
    rewards = penalized_rewards(scores, logprobs, reference_logprobs, mask, beta=beta)

    # 3. How much better than expected each token did, and what should have been expected.
    advantages, returns = generalized_advantages(
        rewards, values, mask, gamma=config.gamma, lam=config.lam
    )  # (B, T) each
    kl = kl_estimate(logprobs, reference_logprobs).sum(dim=-1)  # 0 where nothing was written
    return Experience(batch, logprobs, values, kl, entropy, whiten(advantages, mask), returns)


def update(
    model: "PreTrainedModel",
    head: ValueHead,
    optimizer: torch.optim.Optimizer,
    experience: Experience,
    config: PPOConfig,
    *,
    generator: torch.Generator | None = None,
) -> dict[str, float]:
    """Change the policy and the value head by a few clipped updates.

    Args:
        model: The policy.
        head: Its value head.
        optimizer: Of both.
        experience: What `gather` returned.
        config: Settings.
        generator: Source of randomness for the order of the responses.

    Returns:
        Means over the updates of ``policy_loss``, ``value_loss`` and ``clip_fraction``, the share
        of tokens whose probability ratio had left the range.

    Raises:
        RuntimeError: If a gradient is not finite.
    """
    trained = [p for p in model.parameters() if p.requires_grad], list(head.parameters())
    seen: list[tuple[float, float, float]] = []
    for _ in range(config.epochs):
        device = generator.device if generator else None
        order = torch.randperm(len(experience.kl), generator=generator, device=device)
        for index in order.split(config.minibatch_size):  # (b,)
            losses = minibatch_losses(model, head, experience, index, config)
            optimizer.zero_grad()
            (losses[0] + losses[1]).backward()  # they share no weights: the head detaches
            for parameters in trained:
                nn.utils.clip_grad_norm_(parameters, config.max_grad_norm, error_if_nonfinite=True)
            optimizer.step()
            seen.append(tuple(loss.item() for loss in losses))
    means = torch.tensor(seen).mean(dim=0).tolist()
    return dict(zip(("policy_loss", "value_loss", "clip_fraction"), means, strict=True))


def minibatch_losses(
    model: "PreTrainedModel",
    head: ValueHead,
    experience: Experience,
    index: Tensor,
    config: PPOConfig,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the two losses of some responses.

    Args:
        model: The policy.
        head: Its value head.
        experience: What `gather` returned.
        index: Which responses, shape ``(b,)``.
        config: Settings.

    Returns:
        Policy loss, value loss, and the share of tokens outside of the clipping range, scalars.
    """
    # 1. What was known of these responses when they were written, cut to their longest one.
    part = experience.batch.rows(index)
    mask = part.completion_mask  # (b, t)
    old_logprobs, old_values, advantages, returns = (
        tensor[index, : mask.shape[1]]
        for tensor in (
            experience.old_logprobs,
            experience.old_values,
            experience.advantages,
            experience.returns,
        )
    )  # (b, t) each

    # 2. The same tokens under the weights of now, and how far these have moved.
    now = score_tokens(model, part)
    policy_loss = ppo_policy_loss(
        now.logprobs, old_logprobs, advantages, mask, clip_range=config.clip_range
    )
    value_loss = ppo_value_loss(
        head(now.hidden_states), old_values, returns, mask, clip_range=config.value_clip_range
    )
    ratio = (now.logprobs.detach() - old_logprobs)[mask].exp()
    return policy_loss, value_loss, ((ratio - 1).abs() > config.clip_range).float().mean()
