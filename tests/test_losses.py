"""The losses: worked by hand, against slow loops in plain numbers and torch, masks, gradients."""

import math
import statistics
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from companion.losses import (
    dpo_loss,
    grpo_loss,
    masked_cross_entropy,
    ppo_policy_loss,
    ppo_value_loss,
    reward_model_loss,
)

NAN, INF = float("nan"), float("inf")
SEEDS = range(20)
VOCAB = 7
# Rows: full, padded on the right, padded on the left, with a gap.
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [1, 0, 0, 1, 0]]).bool()


def random_tokens(seed: int, count: int, scale: float = 0.5) -> list[Tensor]:
    """Float64 tensors of the mask's shape."""
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(MASK.shape, generator=generator).double() for _ in range(count)]


def tokens_that_count(*tensors: Tensor) -> list[tuple[float, ...]]:
    rows, columns = MASK.nonzero(as_tuple=True)
    return [
        tuple(tensor[r, c].item() for tensor in tensors)
        for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
    ]


def surrogate(logprob: float, old: float, advantage: float, clip_range: float) -> float:
    ratio = math.exp(logprob - old)
    clipped = min(max(ratio, 1 - clip_range), 1 + clip_range)
    return min(ratio * advantage, clipped * advantage)


def gradient(loss: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    leaf = at.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf), leaf)
    return found


def one(number: float) -> Tensor:
    return torch.tensor([[number]])


YES = torch.tensor([[True]])


def test_cross_entropy_by_hand() -> None:
    probs = torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]])
    labels = torch.tensor([[0, 1, 0]])

    loss = masked_cross_entropy(probs.log(), labels, torch.tensor([[True, True, True]]))

    # Position 0 predicts label 1, position 1 predicts label 0; the last position predicts nothing.
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.25)) / 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_cross_entropy_equals_torch_with_ignored_labels(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(*MASK.shape, VOCAB, generator=generator)
    labels = torch.randint(0, VOCAB, MASK.shape, generator=generator)

    ignored = labels.masked_fill(~MASK, -100)
    expected = F.cross_entropy(logits[:, :-1].reshape(-1, VOCAB), ignored[:, 1:].reshape(-1))

    assert masked_cross_entropy(logits, ignored, MASK).item() == pytest.approx(expected.item())


def test_cross_entropy_is_the_loss_that_transformers_computes(llama) -> None:
    ids = torch.tensor([[5, 6, 7, 8, 9, 10], [20, 21, 22, 23, 24, 25]])
    mask = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 1, 1, 1, 1, 0]]).bool()

    with torch.no_grad():
        output = llama(ids, labels=ids.masked_fill(~mask, -100))

    torch.testing.assert_close(masked_cross_entropy(output.logits, ids, mask), output.loss)


def test_a_uniform_model_pays_the_log_of_the_vocabulary() -> None:
    logits, labels = torch.zeros(*MASK.shape, VOCAB), torch.zeros(MASK.shape, dtype=torch.long)

    assert masked_cross_entropy(logits, labels, MASK).item() == pytest.approx(math.log(VOCAB))


@pytest.mark.parametrize("poison", [NAN, INF, -INF])
def test_positions_that_predict_nothing_reach_neither_loss_nor_gradient(poison: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(*MASK.shape, VOCAB, generator=generator)
    labels = torch.randint(0, VOCAB, MASK.shape, generator=generator)
    predicts = F.pad(MASK[:, 1:], (0, 1))  # position t - 1 is used where t counts
    spoiled = torch.where(predicts[..., None], logits, poison)

    slope = gradient(lambda x: masked_cross_entropy(x, labels, MASK), spoiled)

    clean = gradient(lambda x: masked_cross_entropy(x, labels, MASK), logits)
    assert torch.equal(slope, clean)
    assert (slope[~predicts] == 0).all()
    spoiled_loss = masked_cross_entropy(spoiled, labels.masked_fill(~MASK, -100), MASK)
    assert torch.equal(spoiled_loss, masked_cross_entropy(logits, labels, MASK))


def test_half_precision_logits_are_widened() -> None:
    logits = torch.randn(4, 5, 300, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.arange(20).view(4, 5)

    loss = masked_cross_entropy(logits, labels, MASK)

    assert loss.dtype == torch.float32
    assert loss.item() == masked_cross_entropy(logits.float(), labels, MASK).item()


def test_a_first_token_alone_cannot_be_predicted() -> None:
    mask = torch.tensor([[True, False, False]])
    with pytest.raises(ValueError, match="no token counts"):
        masked_cross_entropy(torch.zeros(1, 3, VOCAB), torch.zeros(1, 3).long(), mask)


@pytest.mark.parametrize("label", [-100, -1, VOCAB])
def test_a_label_that_counts_must_be_a_token(label: int) -> None:
    labels = torch.tensor([[0, 1, label]])
    with pytest.raises(ValueError, match=f"labels that count must be from 0 to 6, got .*{label}"):
        masked_cross_entropy(torch.zeros(1, 3, VOCAB), labels, torch.ones(1, 3).bool())


def test_logits_that_were_already_shifted_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \(4, 4, 7\) and \(4, 5\)"):
        masked_cross_entropy(torch.zeros(4, 4, VOCAB), torch.zeros(MASK.shape).long(), MASK)


def test_reward_loss_by_hand() -> None:
    chosen, rejected = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 2.0])

    loss = reward_model_loss(chosen, rejected)

    expected = [math.log(1 + math.exp(-1)), math.log(2), math.log(1 + math.exp(2))]
    assert loss.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_reward_loss_equals_binary_cross_entropy_with_the_label_1(seed: int) -> None:
    chosen, rejected = torch.randn(2, 8, generator=torch.Generator().manual_seed(seed)) * 5

    loss = reward_model_loss(chosen, rejected)

    expected = F.binary_cross_entropy_with_logits(
        chosen - rejected, torch.ones(8), reduction="none"
    )
    torch.testing.assert_close(loss, expected)


def test_reward_loss_does_not_see_a_constant() -> None:
    chosen, rejected = torch.tensor([1.5, -2.0]), torch.tensor([0.25, 4.0])

    assert torch.equal(
        reward_model_loss(chosen + 8, rejected + 8), reward_model_loss(chosen, rejected)
    )


def test_reward_loss_stays_finite_where_the_sigmoid_is_0() -> None:
    loss = reward_model_loss(torch.tensor([-500.0, 500.0]), torch.tensor([500.0, -500.0]))

    assert loss.tolist() == [1000, 0]


def test_the_slope_of_the_reward_loss_is_the_probability_of_being_wrong() -> None:
    slope = gradient(lambda x: reward_model_loss(x, torch.tensor([1.0])).sum(), torch.tensor([2.0]))

    assert slope.item() == pytest.approx(-1 / (1 + math.exp(1)))


def test_rewards_of_two_shapes_are_refused_not_broadcast() -> None:
    with pytest.raises(ValueError, match=r"chosen_rewards \(4, 1\), rejected_rewards \(4,\)"):
        reward_model_loss(torch.zeros(4, 1), torch.zeros(4))


def test_rewards_in_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 dimension"):
        reward_model_loss(torch.zeros(4, 1), torch.zeros(4, 1))


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [
        (1.1, 2.0, -2.2),  # inside the range
        (1.5, 2.0, -2.4),  # good and already raised enough
        (0.5, 2.0, -1.0),  # good and lowered: the smaller one is not clipped
        (0.5, -2.0, 1.6),  # bad and already lowered enough
        (1.5, -2.0, 3.0),  # bad and raised: not clipped
    ],
)
def test_policy_loss_by_hand(ratio: float, advantage: float, expected: float) -> None:
    loss = ppo_policy_loss(one(math.log(ratio)), one(0.0), one(advantage), YES, clip_range=0.2)

    assert loss.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ratio", "advantage", "moves"),
    [(1.5, 1.0, False), (0.5, -1.0, False), (1.5, -1.0, True), (0.5, 1.0, True), (1.1, 1.0, True)],
)
def test_the_policy_stops_where_it_has_moved_far_enough(
    ratio: float, advantage: float, moves: bool
) -> None:
    slope = gradient(
        lambda x: ppo_policy_loss(x, one(0.0), one(advantage), YES), one(math.log(ratio))
    )

    assert slope.item() == pytest.approx(-ratio * advantage if moves else 0.0)


@pytest.mark.parametrize("clip_range", [0.05, 0.2, 3.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_policy_loss_equals_a_slow_loop(seed: int, clip_range: float) -> None:
    tensors = random_tokens(seed, 3)

    loss = ppo_policy_loss(*tensors, MASK, clip_range=clip_range)

    gains = [surrogate(*token, clip_range) for token in tokens_that_count(*tensors)]
    assert loss.item() == pytest.approx(-statistics.fmean(gains))


def test_at_the_start_the_policy_loss_is_the_plain_policy_gradient() -> None:
    logprobs, advantages = random_tokens(0, 2)

    slope = gradient(lambda x: ppo_policy_loss(x, logprobs, advantages, MASK), logprobs)

    torch.testing.assert_close(slope, torch.where(MASK, -advantages / MASK.sum(), 0.0))


def test_value_loss_by_hand() -> None:
    values, old = torch.tensor([[0.5, 0.1, -0.5]]), torch.zeros(1, 3)
    returns = torch.tensor([[1.0, 1.0, 0.0]])

    loss = ppo_value_loss(values, old, returns, torch.ones(1, 3).bool(), clip_range=0.2)

    # clipped to 0.2, 0.1 and -0.2; the larger error counts: 0.8, 0.9 and 0.5
    assert loss.item() == pytest.approx(0.5 * (0.64 + 0.81 + 0.25) / 3)


@pytest.mark.parametrize("clip_range", [0.1, 0.5])
@pytest.mark.parametrize("seed", SEEDS)
def test_value_loss_equals_a_slow_loop(seed: int, clip_range: float) -> None:
    tensors = random_tokens(seed, 3)

    loss = ppo_value_loss(*tensors, MASK, clip_range=clip_range)

    errors = []
    for value, old, target in tokens_that_count(*tensors):
        clipped = old + min(max(value - old, -clip_range), clip_range)
        errors.append(max((value - target) ** 2, (clipped - target) ** 2))
    assert loss.item() == pytest.approx(0.5 * statistics.fmean(errors))


def test_a_wide_range_leaves_the_mean_squared_error() -> None:
    values, old, returns = random_tokens(3, 3)

    loss = ppo_value_loss(values, old, returns, MASK, clip_range=100)

    assert loss.item() == pytest.approx(F.mse_loss(values[MASK], returns[MASK]).item() / 2)


def test_clipping_never_makes_the_value_loss_smaller() -> None:
    for seed in SEEDS:
        tensors = random_tokens(seed, 3)
        clipped, plain = (ppo_value_loss(*tensors, MASK, clip_range=c) for c in (0.1, 100.0))

        assert clipped >= plain


def test_dpo_loss_by_hand() -> None:
    policy_chosen, policy_rejected = torch.tensor([-8.0, -20.0]), torch.tensor([-12.0, -10.0])
    reference_chosen, reference_rejected = torch.tensor([-10.0, -20.0]), torch.tensor([-11.0, -4.0])

    loss = dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta=0.5)

    # 0.5 * (2 - -1) = 1.5 and 0.5 * (0 - -6) = 3
    assert loss.tolist() == pytest.approx([math.log(1 + math.exp(-m)) for m in (1.5, 3)])


@pytest.mark.parametrize("seed", SEEDS)
def test_dpo_loss_equals_the_ratio_of_probabilities_to_the_power_of_beta(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    given = (-5 * torch.rand(4, 6, generator=generator).double()).unbind()

    loss = dpo_loss(*given, beta=0.3)

    # Rafailov eq. 7 without a logarithm: 1 / (1 + (odds of rejected / odds of chosen)^beta)
    for row in range(6):
        chosen, rejected, reference_chosen, reference_rejected = (
            math.exp(tensor[row].item()) for tensor in given
        )
        odds = (rejected / reference_rejected) / (chosen / reference_chosen)
        assert loss[row].item() == pytest.approx(-math.log(1 / (1 + odds**0.3)))


def test_dpo_sums_so_a_longer_response_weighs_more() -> None:
    per_token = torch.tensor([0.1, 0.1])  # above the reference in each of 5 and 50 tokens
    gains = per_token * torch.tensor([5.0, 50.0])

    short, long = dpo_loss(gains, torch.zeros(2), torch.zeros(2), torch.zeros(2)).tolist()

    assert long < short


def test_the_slopes_of_dpo_are_opposite_and_the_reference_has_none() -> None:
    leaves = [torch.tensor([x], requires_grad=True) for x in (-3.0, -4.0, -3.5, -3.5)]

    dpo_loss(*leaves, beta=0.2).sum().backward()

    wrong = 1 / (1 + math.exp(0.2 * (0.5 + 0.5)))
    assert leaves[0].grad.item() == pytest.approx(-0.2 * wrong)
    assert leaves[1].grad.item() == pytest.approx(0.2 * wrong)
    assert leaves[2].grad is None
    assert leaves[3].grad is None


def test_dpo_refuses_log_probabilities_per_token() -> None:
    with pytest.raises(ValueError, match="expected 1 dimension, got policy_chosen_logprobs"):
        dpo_loss(*(torch.zeros(2, 3) for _ in range(4)))


def test_dpo_refuses_another_shape() -> None:
    with pytest.raises(ValueError, match=r"reference_rejected_logprobs \(1,\)"):
        dpo_loss(*(torch.zeros(2) for _ in range(3)), torch.zeros(1))


@pytest.mark.parametrize("beta", [0.0, -0.1, NAN])
def test_dpo_needs_a_beta_above_0(beta: float) -> None:
    with pytest.raises(ValueError, match="beta must be above 0"):
        dpo_loss(*(torch.zeros(2) for _ in range(4)), beta=beta)


def test_grpo_loss_by_hand() -> None:
    logprobs = torch.tensor([[math.log(1.5), 0.0, 0.0], [math.log(0.9), 9.0, 9.0]])
    reference = torch.tensor([[0.0, 0.0, math.log(2)], [math.log(0.9), 9.0, 9.0]])
    mask = torch.tensor([[True, True, True], [True, False, False]])

    loss = grpo_loss(
        logprobs,
        torch.zeros(2, 3),
        torch.tensor([1.0, -2.0]),
        mask,
        reference_logprobs=reference,
        beta=0.1,
    )

    k3 = [1 / 1.5 - 1 + math.log(1.5), 0, 2 - 1 - math.log(2)]
    first = (1.2 + 1 + 1 - 0.1 * sum(k3)) / 3
    second = -2 * 0.9
    assert loss.item() == pytest.approx(-(first + second) / 2)


@pytest.mark.parametrize("beta", [0.0, 0.04])
@pytest.mark.parametrize("seed", SEEDS)
def test_grpo_loss_equals_a_slow_loop(seed: int, beta: float) -> None:
    logprobs, old, reference = random_tokens(seed, 3)
    advantages = torch.randn(len(MASK), generator=torch.Generator().manual_seed(seed)).double()

    loss = grpo_loss(
        logprobs, old, advantages, MASK, reference_logprobs=reference, beta=beta, clip_range=0.3
    )

    responses = []
    for row in range(len(MASK)):
        gains = []
        for t in MASK[row].nonzero()[:, 0].tolist():
            d = reference[row, t].item() - logprobs[row, t].item()
            gain = surrogate(logprobs[row, t], old[row, t], advantages[row].item(), 0.3)
            gains.append(gain - beta * (math.exp(d) - d - 1))
        responses.append(statistics.fmean(gains))
    assert loss.item() == pytest.approx(-statistics.fmean(responses))


@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_grpo_loss_equals_the_lines_of_trl(beta: float) -> None:
    logprobs, old, reference = random_tokens(0, 3)
    advantages = torch.tensor([1.0, -1.0, 0.5, 0.0]).double()
    mask = MASK.clone()
    mask[1] = False  # an empty response counts in the mean, as there

    loss = grpo_loss(logprobs, old, advantages, mask, reference_logprobs=reference, beta=beta)

    ratio = torch.exp(logprobs - old)
    per_token = -torch.min(ratio * advantages[:, None], ratio.clamp(0.8, 1.2) * advantages[:, None])
    gap = reference - logprobs
    per_token = per_token + beta * (gap.exp() - gap - 1)
    expected = ((per_token * mask).sum(-1) / mask.sum(-1).clamp(min=1)).mean()
    torch.testing.assert_close(loss, expected)


def test_responses_of_equal_length_weigh_as_in_ppo() -> None:
    logprobs, old = random_tokens(5, 2)
    advantages = torch.tensor([1.0, -1.0, 0.5, 2.0]).double()
    mask = torch.ones_like(MASK)

    loss = grpo_loss(logprobs, old, advantages, mask)

    per_token = advantages[:, None].expand(MASK.shape)
    torch.testing.assert_close(loss, ppo_policy_loss(logprobs, old, per_token, mask))


def test_a_group_without_advantage_teaches_nothing() -> None:
    logprobs, old = random_tokens(5, 2)

    slope = gradient(lambda x: grpo_loss(x, old, torch.zeros(len(MASK)), MASK), logprobs)

    assert slope.count_nonzero() == 0


def test_grpo_needs_the_reference_for_its_penalty() -> None:
    zeros = torch.zeros(MASK.shape)
    with pytest.raises(ValueError, match=r"beta=0.1 .* needs reference_logprobs"):
        grpo_loss(zeros, zeros, torch.zeros(len(MASK)), MASK, beta=0.1)


def test_grpo_refuses_a_negative_beta() -> None:
    zeros = torch.zeros(MASK.shape)
    with pytest.raises(ValueError, match="must not be negative"):
        grpo_loss(zeros, zeros, torch.zeros(len(MASK)), MASK, beta=-0.1, reference_logprobs=zeros)


def test_grpo_refuses_advantages_per_token() -> None:
    zeros = torch.zeros(MASK.shape)
    with pytest.raises(ValueError, match=r"advantages must have the shape \(4,\)"):
        grpo_loss(zeros, zeros, zeros, MASK)


def test_grpo_refuses_a_reference_of_another_shape() -> None:
    zeros = torch.zeros(MASK.shape)
    with pytest.raises(ValueError, match=r"reference_logprobs \(4, 1\)"):
        grpo_loss(
            zeros,
            zeros,
            torch.zeros(len(MASK)),
            MASK,
            beta=0.1,
            reference_logprobs=torch.zeros(4, 1),
        )


def grpo_with_reference(x: Tensor, old: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    advantages = torch.tensor([1.0, -1.0, 0.5, 2.0]).double()
    return grpo_loss(x, old, advantages, mask, reference_logprobs=reference, beta=0.1)


PER_TOKEN = [ppo_policy_loss, ppo_value_loss, grpo_with_reference]


@pytest.mark.parametrize("loss", PER_TOKEN)
@pytest.mark.parametrize("poison", [NAN, INF, -INF, 1e300])
def test_masked_tokens_reach_neither_loss_nor_gradient(
    loss: Callable[..., Tensor], poison: float
) -> None:
    clean = random_tokens(0, 3)
    spoiled = [torch.where(MASK, tensor, poison) for tensor in clean]

    slope = gradient(lambda x: loss(x, *spoiled[1:], MASK), spoiled[0])

    assert torch.equal(slope, gradient(lambda x: loss(x, *clean[1:], MASK), clean[0]))
    assert (slope[~MASK] == 0).all()
    assert torch.equal(loss(*spoiled, MASK), loss(*clean, MASK))


@pytest.mark.parametrize("loss", PER_TOKEN)
def test_only_the_first_argument_gets_a_gradient(loss: Callable[..., Tensor]) -> None:
    leaves = [tensor.requires_grad_() for tensor in random_tokens(0, 3)]

    loss(*leaves, MASK).backward()

    assert leaves[0].grad.count_nonzero() > 0
    assert [leaf.grad for leaf in leaves[1:]] == [None, None]


@pytest.mark.parametrize("loss", PER_TOKEN)
@pytest.mark.parametrize("seed", range(5))
def test_gradients_equal_differences(loss: Callable[..., Tensor], seed: int) -> None:
    first, *rest = random_tokens(seed, 3)

    assert torch.autograd.gradcheck(lambda x: loss(x, *rest, MASK), first.requires_grad_())


@pytest.mark.parametrize("loss", PER_TOKEN)
def test_without_a_token_there_is_no_loss(loss: Callable[..., Tensor]) -> None:
    with pytest.raises(ValueError, match="no token counts"):
        loss(*random_tokens(0, 3), torch.zeros_like(MASK))


@pytest.mark.parametrize("loss", PER_TOKEN)
def test_a_mask_of_numbers_is_refused(loss: Callable[..., Tensor]) -> None:
    with pytest.raises(ValueError, match="the mask must be boolean"):
        loss(*random_tokens(0, 3), MASK.long())


@pytest.mark.parametrize("loss", [ppo_policy_loss, ppo_value_loss])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_another_shape_is_refused(loss: Callable[..., Tensor], position: int) -> None:
    tensors = random_tokens(0, 3)
    tensors[position] = tensors[position][:, :1]  # would broadcast
    with pytest.raises(ValueError, match=r"same shape, got .*\(4, 1\)"):
        loss(*tensors, MASK)


@pytest.mark.parametrize("loss", [ppo_policy_loss, ppo_value_loss])
@pytest.mark.parametrize("clip_range", [0, -0.2, NAN])
def test_a_clip_range_is_above_0(loss: Callable[..., Tensor], clip_range: float) -> None:
    with pytest.raises(ValueError, match="clip_range must be above 0"):
        loss(*random_tokens(0, 3), MASK, clip_range=clip_range)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_of_half_precision_are_computed_in_float32(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    now, old, gains = (torch.randn(4, 300, generator=generator).to(dtype) for _ in range(3))
    mask = torch.ones(4, 300, dtype=torch.bool)
    losses: dict[str, Callable[..., Tensor]] = {
        "policy": lambda x, y, z: ppo_policy_loss(x, y, z, mask),
        "value": lambda x, y, z: ppo_value_loss(x, y, z, mask),
        "grpo": lambda x, y, z: grpo_loss(x, y, z[:, 0], mask, reference_logprobs=y, beta=0.1),
        "dpo": lambda x, y, z: dpo_loss(x[:, 0], x[:, 1], y[:, 0], y[:, 1]),
        "reward": lambda x, y, z: reward_model_loss(x[:, 0], y[:, 0]),
    }

    for name, loss in losses.items():
        half = loss(now, old, gains)
        whole = loss(now.float(), old.float(), gains.float())
        assert half.dtype == torch.float32, name
        assert torch.equal(half, whole), name
