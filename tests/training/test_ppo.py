"""PPO: it learns, and it can be interrupted."""

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
