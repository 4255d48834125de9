"""KL estimates, rewards per token, GAE, whitening, groups: by hand, against slow loops, edges."""

import math
import statistics

import pytest
import torch
from torch import Tensor

from companion.advantages import (
    generalized_advantages,
    group_advantages,
    kl_estimate,
    penalized_rewards,
    whiten,
)

NAN, INF = float("nan"), float("inf")
SEEDS = range(20)
# Rows: full, padded on the right, padded on the left, with a gap, one token.
MASK = torch.tensor(
    [
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 0, 0],
        [0, 0, 0, 1, 1, 1],
        [1, 1, 0, 0, 1, 1],
        [0, 0, 1, 0, 0, 0],
    ]
).bool()


def random_tokens(seed: int, count: int) -> list[Tensor]:
    """Float64 tensors of the mask's shape."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(MASK.shape, generator=generator).double() for _ in range(count)]


def poisoned(tensor: Tensor, value: float) -> Tensor:
    return torch.where(MASK, tensor, value)


def gae_by_definition(
    rewards: list[float], values: list[float], gamma: float, lam: float
) -> list[float]:
    """Sum (gamma lam)^l delta over the future of one response, quadratic in its length."""
    after = [*values[1:], 0.0]
    deltas = [r + gamma * n - v for r, n, v in zip(rewards, after, values, strict=True)]
    return [
        sum((gamma * lam) ** (late - t) * deltas[late] for late in range(t, len(deltas)))
        for t in range(len(deltas))
    ]


def test_kl_estimates_by_hand() -> None:
    policy, reference = torch.tensor([0.5, 0.2]).log(), torch.tensor([0.25, 0.4]).log()

    k1, k3 = (kl_estimate(policy, reference, estimator=name) for name in ("k1", "k3"))

    log2 = math.log(2)
    assert k1.tolist() == pytest.approx([log2, -log2])
    assert k3.tolist() == pytest.approx([0.5 - 1 + log2, 2 - 1 - log2])


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_estimates_average_to_the_kl_divergence_of_torch(estimator: str) -> None:
    p, q = (tokens.view(-1).softmax(-1) for tokens in random_tokens(0, 2))

    estimates = kl_estimate(p.log(), q.log(), estimator=estimator)

    exact = torch.distributions.kl_divergence(
        torch.distributions.Categorical(p), torch.distributions.Categorical(q)
    )
    assert (p * estimates).sum().item() == pytest.approx(exact.item())


@pytest.mark.parametrize("scale", [1e-8, 1e-6, 1e-4, 1e-2, 1.0, 10.0])
def test_k3_is_never_negative_and_zero_only_for_equals(scale: float) -> None:
    noise = torch.randn(10_000, generator=torch.Generator().manual_seed(0)) * scale
    logprobs = torch.full((10_000,), -3.0)

    k3 = kl_estimate(logprobs, logprobs + noise, estimator="k3")

    assert (k3 >= 0).all()
    assert kl_estimate(logprobs, logprobs, estimator="k3").count_nonzero() == 0
    difference = (logprobs + noise - logprobs).double()
    exact = difference.expm1() - difference
    torch.testing.assert_close(k3.double(), exact, rtol=1e-3, atol=scale * 1e-6)


def test_the_gradient_of_k3_is_one_minus_the_ratio() -> None:
    logprobs = torch.tensor([-1.0, -2.0, -3.0], requires_grad=True)
    reference = torch.tensor([-2.0, -2.0, -2.5])

    kl_estimate(logprobs, reference, estimator="k3").sum().backward()

    torch.testing.assert_close(logprobs.grad, 1 - (reference - logprobs.detach()).exp())


def test_an_unknown_estimator_is_refused() -> None:
    with pytest.raises(ValueError, match="estimator must be 'k1' or 'k3', got 'k2'"):
        kl_estimate(torch.zeros(1), torch.zeros(1), estimator="k2")


def test_log_probabilities_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"logprobs \(2, 3\), reference_logprobs \(2, 1\)"):
        kl_estimate(torch.zeros(2, 3), torch.zeros(2, 1))


def test_rewards_by_hand() -> None:
    logprobs = torch.tensor([[-1.0, -2.0, -3.0], [9.0, -1.0, -1.0]])
    reference = torch.tensor([[-2.0, -2.0, -2.0], [9.0, -1.5, -3.0]])
    mask = torch.tensor([[True, True, False], [False, True, True]])

    rewards = penalized_rewards(torch.tensor([5.0, -5.0]), logprobs, reference, mask, beta=0.1)

    expected = torch.tensor([[-0.1, 0.0 + 5, 0.0], [0.0, -0.05, -0.2 - 5]])
    torch.testing.assert_close(rewards, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_rewards_equal_a_slow_loop(seed: int) -> None:
    logprobs, reference = random_tokens(seed, 2)
    scores = torch.randn(len(MASK), generator=torch.Generator().manual_seed(seed)).double()

    rewards = penalized_rewards(scores, logprobs, reference, MASK, beta=0.3)

    for row in range(len(MASK)):
        kept = [t for t in range(MASK.shape[1]) if MASK[row, t]]
        for t in range(MASK.shape[1]):
            expected = -0.3 * (logprobs[row, t] - reference[row, t]).item() if t in kept else 0.0
            expected += scores[row].item() if t == kept[-1] else 0.0
            assert rewards[row, t].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_rewards_sum_to_score_minus_beta_times_the_log_ratio(seed: int) -> None:
    logprobs, reference = random_tokens(seed, 2)
    scores = torch.arange(len(MASK)).double()

    total = penalized_rewards(scores, logprobs, reference, MASK, beta=0.7).sum(dim=-1)

    log_ratio = (logprobs - reference).masked_fill(~MASK, 0).sum(dim=-1)
    torch.testing.assert_close(total, scores - 0.7 * log_ratio)


@pytest.mark.parametrize("poison", [NAN, INF, -INF])
def test_masked_tokens_change_no_reward(poison: float) -> None:
    logprobs, reference = random_tokens(0, 2)
    scores = torch.arange(len(MASK))  # whole numbers are taken too

    rewards = penalized_rewards(
        scores, poisoned(logprobs, poison), poisoned(reference, poison), MASK, beta=0.5
    )

    assert torch.equal(rewards, penalized_rewards(scores, logprobs, reference, MASK, beta=0.5))
    assert (rewards[~MASK] == 0).all()


def test_rewards_carry_no_gradient() -> None:
    logprobs = torch.zeros(MASK.shape, requires_grad=True)

    rewards = penalized_rewards(
        torch.zeros(len(MASK)), logprobs, torch.ones(MASK.shape), MASK, beta=0.5
    )

    assert not rewards.requires_grad


def test_a_response_without_tokens_has_no_place_for_its_score() -> None:
    mask = torch.tensor([[True, True], [False, False]])
    with pytest.raises(ValueError, match="response 1 has no token that counts"):
        penalized_rewards(torch.zeros(2), torch.zeros(2, 2), torch.zeros(2, 2), mask, beta=0.1)


@pytest.mark.parametrize("beta", [-0.1, NAN])
def test_a_negative_beta_is_refused(beta: float) -> None:
    ones = torch.ones(1, 2)
    with pytest.raises(ValueError, match="beta must be 0"):
        penalized_rewards(torch.zeros(1), ones, ones, ones.bool(), beta=beta)


@pytest.mark.parametrize("shape", [(2, 1), (3,), ()])
def test_scores_must_be_one_per_response(shape: tuple[int, ...]) -> None:
    ones = torch.ones(2, 3)
    with pytest.raises(ValueError, match=r"scores must have the shape \(2,\)"):
        penalized_rewards(torch.zeros(shape), ones, ones, ones.bool(), beta=0.1)


def test_advantages_by_hand() -> None:
    rewards = torch.tensor([[0.0, 0.0, 1.0]])
    values = torch.tensor([[0.2, 0.4, 0.6]])

    advantages, returns = generalized_advantages(
        rewards, values, torch.ones(1, 3).bool(), gamma=0.5, lam=0.5
    )

    # deltas: 0 + 0.2 - 0.2 = 0; 0 + 0.3 - 0.4 = -0.1; 1 + 0 - 0.6 = 0.4
    expected = torch.tensor([[0 + 0.25 * -0.1 + 0.0625 * 0.4, -0.1 + 0.25 * 0.4, 0.4]])
    torch.testing.assert_close(advantages, expected)
    torch.testing.assert_close(returns, expected + values)


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.8), (1, 0), (1, 1), (0, 0.5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_advantages_equal_the_definition(seed: int, gamma: float, lam: float) -> None:
    rewards, values = random_tokens(seed, 2)

    advantages, returns = generalized_advantages(rewards, values, MASK, gamma=gamma, lam=lam)

    for row, mask in enumerate(MASK):
        expected = gae_by_definition(
            rewards[row, mask].tolist(), values[row, mask].tolist(), gamma, lam
        )
        assert advantages[row, mask].tolist() == pytest.approx(expected)
        assert returns[row, mask].tolist() == pytest.approx(
            [a + v for a, v in zip(expected, values[row, mask].tolist(), strict=True)]
        )
    assert (advantages[~MASK] == 0).all()
    assert (returns[~MASK] == 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_with_lambda_one_the_returns_are_the_rewards_to_come(seed: int) -> None:
    rewards, values = random_tokens(seed, 2)

    _, returns = generalized_advantages(rewards, values, MASK, lam=1.0)

    kept = rewards.masked_fill(~MASK, 0)
    to_come = kept.flip(-1).cumsum(-1).flip(-1).masked_fill(~MASK, 0)
    torch.testing.assert_close(returns, to_come)


def test_a_perfect_value_model_leaves_no_advantage() -> None:
    rewards = torch.tensor([[0.0, 0.0, 2.0, 0.0]])
    values = torch.tensor([[2.0, 2.0, 2.0, 7.0]])
    mask = torch.tensor([[True, True, True, False]])

    advantages, _ = generalized_advantages(rewards, values, mask)

    assert advantages.tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("poison", [NAN, INF, 1e30])
def test_masked_tokens_change_no_advantage(poison: float) -> None:
    rewards, values = random_tokens(1, 2)

    found = generalized_advantages(poisoned(rewards, poison), poisoned(values, poison), MASK)

    for tensor, expected in zip(found, generalized_advantages(rewards, values, MASK), strict=True):
        assert torch.equal(tensor, expected)


def test_advantages_carry_no_gradient() -> None:
    values = torch.zeros(MASK.shape, requires_grad=True)

    advantages, returns = generalized_advantages(torch.ones(MASK.shape), values, MASK)

    assert not advantages.requires_grad
    assert not returns.requires_grad


@pytest.mark.parametrize("name", ["gamma", "lam"])
@pytest.mark.parametrize("number", [-0.1, 1.1, NAN])
def test_gamma_and_lambda_are_from_0_to_1(name: str, number: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be from 0 to 1"):
        generalized_advantages(*random_tokens(0, 2), MASK, **{name: number})


def test_values_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rewards \(5, 6\), values \(5, 7\), mask \(5, 6\)"):
        generalized_advantages(torch.zeros(5, 6), torch.zeros(5, 7), MASK)


def test_a_mask_of_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"boolean \(True = counts\), got torch.int64"):
        generalized_advantages(*random_tokens(0, 2), MASK.long())


def test_one_response_alone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 2 dimensions, got mask \(3,\)"):
        generalized_advantages(torch.zeros(3), torch.zeros(3), torch.ones(3).bool())


def test_whitening_by_hand() -> None:
    values = torch.tensor([[1.0, 2.0, 50.0], [3.0, -50.0, 6.0]])
    mask = torch.tensor([[True, True, False], [True, False, True]])

    whitened = whiten(values, mask)

    # mean 3, unbiased variance (4 + 1 + 0 + 9) / 3
    deviation = math.sqrt(14 / 3)
    expected = torch.tensor([[-2.0, -1.0, 0.0], [0.0, 0.0, 3.0]]) / deviation
    torch.testing.assert_close(whitened, expected)
    kept_mean = whiten(values, mask, shift_mean=False)
    torch.testing.assert_close(kept_mean, torch.where(mask, expected + 3, 0.0))


@pytest.mark.parametrize("seed", SEEDS)
def test_whitened_values_have_mean_0_and_variance_1(seed: int) -> None:
    (values,) = random_tokens(seed, 1)

    kept = whiten(values * 7 + 3, MASK)[MASK].tolist()

    assert statistics.fmean(kept) == pytest.approx(0, abs=1e-9)
    assert statistics.variance(kept) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_whitening_equals_a_slow_loop(seed: int) -> None:
    (values,) = random_tokens(seed, 1)
    kept = [x.item() for x, keep in zip(values.view(-1), MASK.view(-1), strict=True) if keep]
    mean, variance = statistics.fmean(kept), statistics.variance(kept)

    whitened = whiten(values, MASK, shift_mean=False)

    expected = [(x - mean) / math.sqrt(variance + 1e-8) + mean for x in kept]
    assert whitened[MASK].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("poison", [NAN, INF])
def test_masked_values_change_no_whitened_one(poison: float) -> None:
    (values,) = random_tokens(2, 1)

    assert torch.equal(whiten(poisoned(values, poison), MASK), whiten(values, MASK))


def test_equal_values_become_0() -> None:
    values = torch.full(MASK.shape, 0.1)

    assert whiten(values, MASK).abs().max() < 1e-3
    torch.testing.assert_close(whiten(values, MASK, shift_mean=False)[MASK], values[MASK])


def test_whitening_carries_no_gradient() -> None:
    values = torch.arange(30.0, requires_grad=True).view(5, 6)

    assert not whiten(values, MASK).requires_grad


@pytest.mark.parametrize("kept", [0, 1])
def test_whitening_needs_two_values(kept: int) -> None:
    mask = torch.arange(4) < kept
    with pytest.raises(ValueError, match=f"at least two values .* got {kept}"):
        whiten(torch.arange(4.0), mask)


def test_groups_by_hand() -> None:
    rewards = torch.tensor([1.0, 2.0, 3.0, 10.0, 10.0, 40.0])

    advantages = group_advantages(rewards, group_size=3)

    # means 2 and 20; unbiased deviations 1 and sqrt((100 + 100 + 400) / 2)
    large = math.sqrt(300)
    expected = [-1, 0, 1, -10 / large, -10 / large, 20 / large]
    assert advantages.tolist() == pytest.approx(expected, abs=2e-4)
    unscaled = group_advantages(rewards, group_size=3, scale=False)
    assert unscaled.tolist() == [-1, 0, 1, -10, -10, 20]


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_equal_a_slow_loop(seed: int) -> None:
    rewards = torch.randn(12, generator=torch.Generator().manual_seed(seed)).double()

    advantages = group_advantages(rewards, group_size=4)

    expected = []
    for start in (0, 4, 8):
        group = rewards[start : start + 4].tolist()
        mean, deviation = statistics.fmean(group), statistics.stdev(group)
        expected += [(reward - mean) / (deviation + 1e-4) for reward in group]
    assert advantages.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("reward", [0.0, 0.1, 1 / 3, 1e6])
def test_a_group_of_equal_rewards_gives_exactly_0(reward: float, scale: bool) -> None:
    rewards = torch.tensor([reward] * 7 + [1.0] * 6 + [0.0])

    advantages = group_advantages(rewards, group_size=7, scale=scale)

    assert advantages[:7].tolist() == [0] * 7
    assert advantages[7:].count_nonzero() == 7


@pytest.mark.parametrize("scale", [True, False])
def test_each_group_sums_to_0_and_ignores_the_others(scale: bool) -> None:
    rewards = torch.randn(12, generator=torch.Generator().manual_seed(0))

    advantages = group_advantages(rewards, group_size=4, scale=scale)

    assert advantages.view(3, 4).sum(-1).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    moved = rewards.clone()
    moved[4:8] = moved[4:8] + 100
    torch.testing.assert_close(
        group_advantages(moved, group_size=4, scale=scale), advantages, atol=1e-4, rtol=1e-4
    )


def test_whole_numbers_can_be_compared() -> None:
    advantages = group_advantages(torch.tensor([1, 0]), group_size=2, scale=False)

    assert advantages.tolist() == [0.5, -0.5]


def test_group_advantages_carry_no_gradient() -> None:
    rewards = torch.tensor([1.0, 2.0], requires_grad=True)

    assert not group_advantages(rewards, group_size=2).requires_grad


@pytest.mark.parametrize("group_size", [1, 0, -2, 2.0, True])
def test_a_group_has_at_least_two_members(group_size: object) -> None:
    with pytest.raises(ValueError, match="group_size must be a whole number from 2"):
        group_advantages(torch.zeros(4), group_size=group_size)


def test_rewards_that_fill_no_whole_group_are_refused() -> None:
    with pytest.raises(ValueError, match="5 rewards, which is no multiple of group_size=2"):
        group_advantages(torch.zeros(5), group_size=2)


def test_rewards_already_in_groups_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 1 dimension, got rewards \(2, 2\)"):
        group_advantages(torch.zeros(2, 2), group_size=2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_advantages_of_half_precision_are_computed_in_float32(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values = (torch.randn(4, 50, generator=generator).to(dtype) for _ in range(2))
    mask = torch.ones(4, 50, dtype=torch.bool)

    for function in (
        lambda x, y: kl_estimate(x, y, estimator="k3"),
        lambda x, y: generalized_advantages(x, y, mask)[0],
        lambda x, y: whiten(x, mask),
        lambda x, y: group_advantages(x[:, 0], group_size=2),
        lambda x, y: penalized_rewards(x[:, 0], x, y, mask, beta=0.1),
    ):
        half = function(rewards, values)
        assert half.dtype == torch.float32
        assert torch.equal(half, function(rewards.float(), values.float()))


def test_equal_advantages_in_float16_stay_finite() -> None:
    values = torch.full((1, 8), 3.0, dtype=torch.float16)

    assert whiten(values, torch.ones(1, 8, dtype=torch.bool)).abs().max() == 0  # not 0 / 0
