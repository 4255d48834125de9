"""PPO: every number of a step is computed a second time, it learns, and it can be interrupted."""

import copy
import dataclasses
import math
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from companion.errors import CheckpointError, DataError, RewardError
from companion.training import checkpoint
from companion.training.ppo import ppo, record_order
from companion.training.ppo_config import PPOConfig, next_beta
from companion.training.ppo_step import Experience, gather, minibatch_losses, update
from companion.training.rollout import Rollout, assemble
from companion.training.value_model import ValueHead

RECORDS = [
    {"prompt": [{"role": "user", "content": text}]}
    for text in ("Hi.", "Who?", "What is the capital of Italy?", "Tell me more.", "Why not?")
]
SMALL = PPOConfig(
    steps=3, batch_size=4, minibatch_size=2, max_new_tokens=6, learning_rate=1e-2, lam=0.9
)


def vowels(records: Sequence[Any], responses: Sequence[str]) -> Tensor:
    """Reward the share of vowels in a response."""
    shares = [sum(c in "aeiou" for c in said) / max(len(said), 1) for said in responses]
    return torch.tensor(shares)


def without_time(records: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in record.items() if k != "seconds"} for record in records]


def weights(model: torch.nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# --- one step, computed twice ---------------------------------------------------------------------


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


# --- the loop -------------------------------------------------------------------------------------


def test_it_learns(tiny: Callable[..., Any], pocket_tokenizer: Any) -> None:
    config = PPOConfig(
        steps=12, batch_size=32, minibatch_size=16, max_new_tokens=6, learning_rate=3e-2, beta=0.0
    )

    records = list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, config))

    first, last = records[0], records[-1]
    assert last["reward"] > first["reward"] + 2 * first["reward_std"]
    assert last["kl"] > 1
    assert first["kl"] == pytest.approx(0, abs=1e-5)


def test_a_price_on_kl_keeps_the_policy_near_the_reference(
    tiny: Callable[..., Any], pocket_tokenizer: Any
) -> None:
    def run(beta: float) -> dict[str, float]:
        config = PPOConfig(
            steps=10,
            batch_size=16,
            minibatch_size=16,
            max_new_tokens=6,
            learning_rate=3e-3,
            beta=beta,
        )
        return list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, config))[-1]

    free, bound = run(0.0), run(0.5)

    assert bound["kl"] < 0.5 * free["kl"]
    assert bound["reward"] < free["reward"]


def test_a_record_tells_what_happened(tiny: Callable[..., Any], pocket_tokenizer: Any) -> None:
    given: list[tuple[list[Any], list[str], Tensor]] = []

    def reward(records: Sequence[Any], responses: Sequence[str]) -> Tensor:
        given.append((list(records), list(responses), vowels(records, responses)))
        return given[-1][2]

    model = tiny()
    records = list(ppo(model, pocket_tokenizer, RECORDS, reward, SMALL))

    assert [record["step"] for record in records] == [1, 2, 3]
    assert list(records[0]) == [
        "step", "reward", "reward_std", "kl", "beta", "policy_loss", "value_loss", "clip_fraction",
        "entropy", "explained_variance", "response_length", "finished", "seconds",
    ]  # fmt: skip
    for record, (asked, said, scores) in zip(records, given, strict=True):
        assert record["reward"] == pytest.approx(scores.mean().item())
        assert record["reward_std"] == pytest.approx(scores.std().item())
        assert len(asked) == len(said) == 4
    assert records[0]["entropy"] == pytest.approx(math.log(2048), abs=0.1)  # it knows nothing yet
    assert records[0]["explained_variance"] == 0
    assert 1 <= records[0]["response_length"] <= 6
    assert records[0]["beta"] == SMALL.beta
    assert not model.training


def test_the_reference_stays_and_nothing_is_printed(
    tiny: Callable[..., Any], pocket_tokenizer: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    reference = tiny()
    before = weights(reference).clone()

    list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, SMALL, reference=reference))

    assert torch.equal(weights(reference), before)
    assert capfd.readouterr() == ("", "")


def test_frozen_weights_stay(tiny: Callable[..., Any], pocket_tokenizer: Any) -> None:
    model = tiny()
    model.model.embed_tokens.weight.requires_grad_(False)
    before = copy.deepcopy(model)

    list(ppo(model, pocket_tokenizer, RECORDS, vowels, SMALL))

    assert torch.equal(model.model.embed_tokens.weight, before.model.embed_tokens.weight)
    assert not torch.equal(weights(model.model.layers), weights(before.model.layers))


def test_records_go_round_in_changing_order() -> None:
    seen = [i for step in range(5) for i in record_order(5, 3, step=step, seed=0)]

    assert sorted(seen[:5]) == sorted(seen[5:10]) == sorted(seen[10:15]) == [0, 1, 2, 3, 4]
    assert seen[:5] != seen[5:10]
    assert seen[:3] != record_order(5, 3, step=0, seed=1)
    assert len(record_order(2, 7, step=0, seed=0)) == 7


def test_beta_moves_towards_the_target(tiny: Callable[..., Any], pocket_tokenizer: Any) -> None:
    config = dataclasses.replace(SMALL, target_kl=1.0, beta=0.1, beta_gain=0.5)

    records = list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, config))

    # KL is 0 at first: the largest step down, 0.5 * 0.2
    assert records[1]["beta"] == pytest.approx(0.1 * 0.9)
    expected = next_beta(records[1]["beta"], records[1]["kl"], target_kl=1.0, gain=0.5)
    assert records[2]["beta"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kl", "expected"), [(6.0, 0.1), (6.6, 0.101), (3.0, 0.098), (60.0, 0.102), (-1.0, 0.098)]
)
def test_the_controller_by_hand(kl: float, expected: float) -> None:
    assert next_beta(0.1, kl, target_kl=6.0) == pytest.approx(expected)


# --- interruptions --------------------------------------------------------------------------------

ADAPTIVE = dataclasses.replace(SMALL, steps=4, target_kl=0.5, beta=0.1)


def test_a_run_that_was_left_goes_on_as_if_nothing_had_happened(
    tiny: Callable[..., Any], pocket_tokenizer: Any, tmp_path: Path
) -> None:
    unbroken, broken = tiny(), tiny()
    whole = list(ppo(unbroken, pocket_tokenizer, RECORDS, vowels, ADAPTIVE))
    loop = ppo(
        tiny(), pocket_tokenizer, RECORDS, vowels, ADAPTIVE, output_dir=tmp_path, save_steps=50
    )
    first = [next(loop), next(loop)]
    loop.close()

    assert checkpoint.steps_done(tmp_path) == 2
    rest = list(ppo(broken, pocket_tokenizer, RECORDS, vowels, ADAPTIVE, output_dir=tmp_path))
    assert without_time(rest) == without_time(whole)
    assert rest[:2] == first  # with the seconds of then
    assert torch.equal(weights(broken), weights(unbroken))
    again = tiny()
    done = list(ppo(again, pocket_tokenizer, RECORDS, vowels, ADAPTIVE, output_dir=tmp_path))
    assert done == rest
    assert torch.equal(weights(again), weights(unbroken))


def test_ctrl_c_finishes_the_step_and_keeps_it(
    tiny: Callable[..., Any], pocket_tokenizer: Any, tmp_path: Path
) -> None:
    whole = list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, SMALL))
    calls = []

    def impatient(records: Sequence[Any], responses: Sequence[str]) -> Tensor:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return vowels(records, responses)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(ppo(tiny(), pocket_tokenizer, RECORDS, impatient, SMALL, output_dir=tmp_path))

    assert signal.getsignal(signal.SIGINT) is before
    assert checkpoint.steps_done(tmp_path) == 2
    rest = list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, SMALL, output_dir=tmp_path))
    assert without_time(rest) == without_time(whole)


def test_a_longer_run_goes_on_and_a_shorter_one_is_refused(
    tiny: Callable[..., Any], pocket_tokenizer: Any, tmp_path: Path
) -> None:
    longer = dataclasses.replace(SMALL, steps=4)
    shorter = dataclasses.replace(SMALL, steps=2)
    list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, SMALL, output_dir=tmp_path))

    with pytest.raises(CheckpointError, match="has done 3 steps, more than steps=2"):
        ppo(tiny(), pocket_tokenizer, RECORDS, vowels, shorter, output_dir=tmp_path)
    assert (
        len(list(ppo(tiny(), pocket_tokenizer, RECORDS, vowels, longer, output_dir=tmp_path))) == 4
    )


def test_a_checkpoint_of_another_run_is_refused(
    tiny: Callable[..., Any], pocket_tokenizer: Any, tmp_path: Path
) -> None:
    trained = tiny()
    list(ppo(trained, pocket_tokenizer, RECORDS, vowels, SMALL, output_dir=tmp_path))
    other = dataclasses.replace(SMALL, lam=0.5)

    with pytest.raises(CheckpointError, match="Load the original model again"):
        ppo(trained, pocket_tokenizer, RECORDS, vowels, SMALL, output_dir=tmp_path)
    with pytest.raises(CheckpointError, match="other records"):
        ppo(tiny(), pocket_tokenizer, RECORDS[1:], vowels, SMALL, output_dir=tmp_path)
    with pytest.raises(CheckpointError, match=r"another recipe \(lam: 0.9 then, 0.5 now\)"):
        ppo(tiny(), pocket_tokenizer, RECORDS, vowels, other, output_dir=tmp_path)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (torch.tensor([1.0, float("nan"), 0.0, 0.0]), "the reward of response 1 is nan"),
        (torch.tensor([1.0, 0.0, float("inf"), 0.0]), "the reward of response 2 is inf"),
        (torch.zeros(3), r"the shape \(3,\) for 4 responses"),
        ([0.0] * 4, "returned list"),
    ],
)
def test_a_broken_reward_leaves_the_model_as_the_step_before_did(
    tiny: Callable[..., Any], pocket_tokenizer: Any, tmp_path: Path, returned: Any, message: str
) -> None:
    one = tiny()
    list(ppo(one, pocket_tokenizer, RECORDS, vowels, dataclasses.replace(SMALL, steps=1)))
    calls = []

    def breaks(records: Sequence[Any], responses: Sequence[str]) -> Any:
        calls.append(1)
        return returned if len(calls) == 2 else vowels(records, responses)

    model = tiny()
    loop = ppo(model, pocket_tokenizer, RECORDS, breaks, SMALL, output_dir=tmp_path, save_steps=9)

    next(loop)
    with pytest.raises(RewardError, match=message):
        next(loop)
    assert torch.equal(weights(model), weights(one))
    assert checkpoint.steps_done(tmp_path) == 1


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([*RECORDS, {"answer": "42"}], "record 5 has no field 'prompt'"),
        ([{"prompt": [{"role": "user", "content": "why " * 200}]}], "at most 122 fit beside"),
    ],
)
def test_bad_records_are_refused_before_the_first_step(
    tiny: Callable[..., Any], pocket_tokenizer: Any, records: list, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        ppo(tiny(), pocket_tokenizer, records, vowels, SMALL)


def test_models_that_cannot_be_used_are_refused(
    tiny: Callable[..., Any], pocket_tokenizer: Any
) -> None:
    def refuse(model: Any, message: str, **options: Any) -> None:
        with pytest.raises(ValueError, match=message):
            ppo(model, pocket_tokenizer, RECORDS, vowels, SMALL, **options)

    model = tiny()
    refuse(model, "the reference is the model itself", reference=model)
    refuse(model, "2050 tokens in its vocabulary", reference=tiny(vocab_size=2050))
    refuse(tiny().half(), "trainable weights in torch.float16")
    refuse(tiny().bfloat16(), "load it with dtype='float32'")
    refuse(tiny().requires_grad_(False), "no parameter of the model is trainable")
    refuse(tiny(), "save_steps must be a whole number from 1, got 0", save_steps=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1, got 0"),
        ({"batch_size": 1}, "batch_size must be a whole number from 2"),
        ({"minibatch_size": 3}, "that divides batch_size=4, got 3"),
        ({"epochs": 1.5}, "epochs must be"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0"),
        ({"value_learning_rate": -1.0}, "value_learning_rate must be above 0"),
        ({"beta": -0.1}, r"beta must be 0 \(no penalty\) or above"),
        ({"target_kl": 0.0}, "target_kl must be None or above 0"),
        ({"target_kl": 1.0, "beta": 0.0}, "with a beta above 0 to start from"),
        ({"beta_gain": 0.0}, "beta_gain must be above 0"),
        ({"gamma": 1.1}, "gamma must be from 0 to 1"),
        ({"lam": -0.1}, "lam must be from 0 to 1"),
        ({"clip_range": 1.0}, "clip_range must be above 0 and below 1"),
        ({"value_clip_range": 0.0}, "value_clip_range must be above 0"),
        ({"max_grad_norm": 0.0}, "max_grad_norm must be above 0"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"steps": True}, "steps must be a whole number"),
    ],
)
def test_settings_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **changes)
