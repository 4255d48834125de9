"""A step of PPO: every number of it is computed a second time."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from companion.training.ppo_config import PPOConfig
from companion.training.ppo_step import Experience, gather, minibatch_losses, update
from companion.training.rollout import Rollout, assemble
from companion.training.value_model import ValueHead


def weights(model: torch.nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def batch_of_three() -> Rollout:
    return assemble(
        [[5, 6, 7], [8, 9], [10, 11, 12, 13]],
        [[20, 21, 2], [22, 2], [23, 24, 25, 26]],
        responses=["a", "b", "c"],
        finished=[True, True, False],
        pad_id=1,
    )


SCORES = torch.tensor([1.0, -0.5, 2.0])


def players(tiny: Callable[..., Any]) -> tuple[Any, ValueHead, Any]:
    """Return a policy, a value head that says something, and a reference that differs."""
    model = tiny(initializer_range=0.3)
    reference = tiny(initializer_range=0.3)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape))
    head = ValueHead(32, generator=torch.Generator().manual_seed(0))
    torch.nn.init.normal_(head.output.weight)
    return model, head, reference


def naive_tokens(
    model: Any, batch: Rollout, head: ValueHead | None = None
) -> tuple[list[list[float]], list[list[float]]]:
    """Return log-probabilities and values, token by token, without a batch and without padding."""
    logprobs, values = [], []
    for ids, mask, counts in zip(*batch[:3], strict=True):
        text = ids[mask.bool()]
        start = len(text) - int(counts.sum())
        row, row_values = [], []
        for t in range(start, len(text)):
            output = model(input_ids=text[None, :t], output_hidden_states=True)
            row.append(output.logits[0, -1].log_softmax(-1)[text[t]].item())
            if head is not None:
                row_values.append(head(output.hidden_states[-1])[0, -1].item())
        logprobs.append(row)
        values.append(row_values)
    return logprobs, values


def naive_experience(
    logprobs: list[list[float]],
    reference: list[list[float]],
    values: list[list[float]],
    config: PPOConfig,
    beta: float,
) -> tuple[list[list[float]], list[list[float]]]:
    """Return whitened advantages and returns by the sums in the definitions."""
    advantages, returns = [], []
    for now, then, expected, score in zip(
        logprobs, reference, values, SCORES.tolist(), strict=True
    ):
        length = len(now)
        rewards = [-beta * (now[t] - then[t]) + (score if t == length - 1 else 0)
                   for t in range(length)]  # fmt: skip
        after = [*expected[1:], 0.0]
        deltas = [rewards[t] + config.gamma * after[t] - expected[t] for t in range(length)]
        row = [
            sum((config.gamma * config.lam) ** (k - t) * deltas[k] for k in range(t, length))
            for t in range(length)
        ]
        advantages.append(row)
        returns.append([a + v for a, v in zip(row, expected, strict=True)])
    flat = [a for row in advantages for a in row]
    mean = sum(flat) / len(flat)
    std = math.sqrt(sum((a - mean) ** 2 for a in flat) / (len(flat) - 1))
    return [[(a - mean) / std for a in row] for row in advantages], returns


def kept(tensor: Tensor, mask: Tensor) -> list[float]:
    return [number for row, m in zip(tensor, mask, strict=True) for number in row[m].tolist()]


def flat(rows: list[list[float]]) -> list[float]:
    return [number for row in rows for number in row]


@pytest.mark.parametrize("minibatch_size", [1, 3])
def test_experience_equals_a_naive_computation(
    tiny: Callable[..., Any], minibatch_size: int
) -> None:
    model, head, reference = players(tiny)
    batch = batch_of_three()
    config = PPOConfig(batch_size=3, minibatch_size=minibatch_size, gamma=0.9, lam=0.8)

    found = gather(model, head, reference, batch, SCORES, config, beta=0.3)

    logprobs, values = naive_tokens(model, batch, head)
    then, _ = naive_tokens(reference, batch)
    advantages, returns = naive_experience(logprobs, then, values, config, beta=0.3)
    mask = batch.completion_mask
    assert kept(found.old_logprobs, mask) == pytest.approx(flat(logprobs), abs=1e-4)
    assert kept(found.old_values, mask) == pytest.approx(flat(values), abs=1e-4)
    assert kept(found.advantages, mask) == pytest.approx(flat(advantages), abs=1e-3)
    assert kept(found.returns, mask) == pytest.approx(flat(returns), abs=1e-4)
    kl = [sum(a) - sum(b) for a, b in zip(logprobs, then, strict=True)]
    assert found.kl.tolist() == pytest.approx(kl, abs=1e-4)
    assert min(map(abs, kl)) > 0.05  # else nothing would be shown


def test_losses_equal_a_naive_computation(tiny: Callable[..., Any]) -> None:
    model, head, reference = players(tiny)
    batch = batch_of_three()
    config = PPOConfig(batch_size=3, minibatch_size=3, clip_range=0.1, value_clip_range=0.05)
    known = gather(model, head, reference, batch, SCORES, config, beta=0.1)
    with torch.no_grad():  # what earlier updates did
        for parameter in [*model.parameters(), *head.parameters()]:
            parameter.add_(0.005 * torch.randn(parameter.shape))

    policy_loss, value_loss, clipped = minibatch_losses(
        model, head, known, torch.tensor([2, 0]), config
    )

    logprobs, values = naive_tokens(model, batch, head)
    policy, value, outside, count = 0.0, 0.0, 0, 0
    for row in (0, 2):
        for t, (now, v) in enumerate(zip(logprobs[row], values[row], strict=True)):
            ratio = math.exp(now - known.old_logprobs[row, t].item())
            gain, old = known.advantages[row, t].item(), known.old_values[row, t].item()
            policy += min(ratio * gain, min(max(ratio, 0.9), 1.1) * gain)
            aim = known.returns[row, t].item()
            near = min(max(v, old - 0.05), old + 0.05)
            value += 0.5 * max((v - aim) ** 2, (near - aim) ** 2)
            outside += abs(ratio - 1) > 0.1
            count += 1
    assert policy_loss.item() == pytest.approx(-policy / count, abs=1e-4)
    assert value_loss.item() == pytest.approx(value / count, rel=1e-3)
    assert clipped.item() == pytest.approx(outside / count)
    assert 0 < outside < count


def test_returns_are_worked_out_by_hand(tiny: Callable[..., Any]) -> None:
    # Policy = reference: no penalty. A new value head says 0, so lam is all that is left.
    model = tiny()
    head = ValueHead(32)
    config = PPOConfig(batch_size=3, minibatch_size=3, lam=0.5)

    found = gather(model, head, model, batch_of_three(), SCORES, config, beta=1.0)

    assert found.returns.tolist() == [[0.25, 0.5, 1, 0], [-0.25, -0.5, 0, 0], [0.25, 0.5, 1, 2]]
    assert found.kl.tolist() == [0, 0, 0]


def test_the_first_update_has_ratio_1_and_follows_the_advantages(tiny: Callable[..., Any]) -> None:
    model, head, reference = players(tiny)
    config = PPOConfig(batch_size=3, minibatch_size=3, epochs=1, learning_rate=1e-3)
    batch = batch_of_three()
    known = gather(model, head, reference, batch, SCORES, config, beta=0.0)
    optimizer = torch.optim.SGD([*model.parameters(), *head.parameters()], lr=1e-3)

    means = update(model, head, optimizer, known, config)

    assert means["policy_loss"] == pytest.approx(0, abs=1e-5)  # the mean of what was whitened
    assert means["clip_fraction"] == 0
    again = gather(model, head, reference, batch, SCORES, config, beta=0.0)
    rise = ((again.old_logprobs - known.old_logprobs) * known.advantages).sum()
    assert rise > 0
    errors = [(e.old_values - known.returns)[batch.completion_mask].square().mean()
              for e in (known, again)]  # fmt: skip
    assert errors[1] < errors[0]


def test_gradients_of_policy_and_head_are_clipped_apart(tiny: Callable[..., Any]) -> None:
    model, head, reference = players(tiny)
    config = PPOConfig(batch_size=3, minibatch_size=3, epochs=1, max_grad_norm=0.01)
    known = gather(model, head, reference, batch_of_three(), SCORES, config, beta=0.0)
    before = weights(model), weights(head)

    update(model, head, torch.optim.SGD([*model.parameters(), *head.parameters()], 1.0), known,
           config)  # fmt: skip

    moved = [(weights(part) - old).norm() for part, old in zip((model, head), before, strict=True)]
    assert [m.item() for m in moved] == pytest.approx([0.01, 0.01], rel=1e-3)


def test_every_response_is_used_once_per_epoch(
    tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, head, reference = players(tiny)
    config = PPOConfig(batch_size=3, minibatch_size=1, epochs=2)
    known = gather(model, head, reference, batch_of_three(), SCORES, config, beta=0.0)
    seen: list[int] = []

    class Watched(Rollout):
        def rows(self, index: Tensor) -> Rollout:
            seen.extend(index.tolist())
            return super().rows(index)

    watched = Experience(Watched(*known.batch), *known[1:])
    update(model, head, torch.optim.SGD(model.parameters(), 0.0), watched, config)

    assert sorted(seen[:3]) == sorted(seen[3:]) == [0, 1, 2]
