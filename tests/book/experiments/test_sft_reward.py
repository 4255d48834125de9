"""The experiments behind the pages on instruction tuning and reward models."""

import itertools
import math

import pytest
import torch
from _experiments import best_of_n, masking

from companion.training.reward_model import reward_model_from


def brute_force_best(rewards, values, n):
    """Average what the best of n is worth over all choices of n."""
    return [
        sum(
            row_values[max(chosen, key=lambda at: row[at])]
            for chosen in itertools.combinations(range(len(row)), n)
        )
        / math.comb(len(row), n)
        for row, row_values in zip(rewards.tolist(), values.tolist(), strict=True)
    ]


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_best_of_n_averages_over_all_choices(n):
    generator = torch.Generator().manual_seed(0)
    rewards, values = (torch.randn(3, 7, generator=generator) for _ in range(2))

    found = best_of_n.best_of(rewards, values, n)

    torch.testing.assert_close(found, torch.tensor(brute_force_best(rewards, values, n)))


def test_the_best_of_all_samples_is_the_one_with_the_highest_reward():
    rewards, values = torch.tensor([[0.1, 3.0, 2.0]]), torch.tensor([[5.0, -1.0, 8.0]])

    assert best_of_n.best_of(rewards, values, 3).item() == -1.0
    assert best_of_n.best_of(rewards, values, 1).item() == pytest.approx(4.0)


@pytest.mark.parametrize("n", [0, 4])
def test_more_samples_than_there_are_cannot_be_chosen_from(n):
    with pytest.raises(ValueError, match=f"from 1 to 3, got {n}"):
        best_of_n.best_of(torch.zeros(1, 3), torch.zeros(1, 3), n)


def test_the_bound_is_the_kl_of_the_best_of_n_different_samples():
    # the best of n equally likely answers out of many: the k-th best has n/N * (1 - k/N)^(n - 1)
    n, size = 4, 100_000
    rank = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    density = n * rank ** (n - 1)

    kl = (density * density.log()).mean().item()

    assert best_of_n.kl_bound(n) == pytest.approx(kl, abs=1e-4)
    assert best_of_n.kl_bound(1) == 0


def test_users_judge_each_answer_by_its_own_question():
    found = best_of_n.judged(
        ["Rome. Have a nice day. I hope this helps.", "Gladly. Rome."],
        [{"answer": "Rome"}, {"answer": "Oslo"}],
    )

    assert found["gold"].tolist() == [2.0, 1.0]
    assert found["right"].tolist() == [1.0, 0.0]
    assert found["closings"].tolist() == [2.0, 0.0]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """pocket-base in the place of the chat model, and an untrained reward model."""
    from companion.models import load

    model, tokenizer = load("base")
    reward = reward_model_from(model, generator=torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("models")
    for name, made in (("chat", model), ("reward", reward)):
        made.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


def test_best_of_n_rises_by_what_chooses(folders):
    found = best_of_n.measure(scale=0.03, chat=folders / "chat", reward=folders / "reward")

    assert found["n"] == [1, 2, 4]
    assert found["samples"] == 4
    assert found["reward"] == sorted(found["reward"])
    assert found["reward"][0] < found["reward"][-1]
    assert len(found["gold"]) == len(found["right"]) == len(found["closings"]) == 3
    assert len(found["examples"]) == found["prompts"] == 2


@pytest.mark.slow
def test_masking_measures_each_way_after_each_number_of_steps():
    found = masking.measure(scale=0.1)

    assert found["steps"] == [2, 3, 6]
    assert list(found["variants"]) == list(masking.VARIANTS)
    for measured in found["variants"].values():
        assert len(measured["exact"]) == 3
        assert all(
            exact <= begins
            for exact, begins in zip(measured["exact"], measured["begins_right"], strict=True)
        )
