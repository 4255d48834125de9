"""The study of reasoning counts tries fairly and trains on both kinds of stories."""

from itertools import combinations

import pytest
import torch
from _experiments import thinking as study

from companion.pocket.records import record
from companion.pocket.studies import thinking as thoughts


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_pass_at_k_is_the_mean_over_all_choices(k):
    right = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 0]])
    choices = list(combinations(range(5), k))

    expected = sum(bool(row[list(c)].any()) for row in right for c in choices) / len(choices) / 3

    assert study.pass_at_k(right, k) == pytest.approx(expected)


def test_votes_leave_out_texts_without_an_answer_and_ties_go_to_the_first():
    rows = [["", "", "7"], ["8", "7", "7"], ["8", "7", ""], ["", "", ""]]

    assert study.vote_share(rows, ["7"] * 4, 3) == 2 / 4
    assert study.vote_share(rows, ["8"] * 4, 2) == 2 / 4


def test_problems_to_train_on_are_of_both_kinds_and_of_the_side_of_training(monkeypatch):
    seen = []
    problem = thoughts.arithmetic.problem

    def watched(rng, split, *, free):
        seen.append((split, free))
        return problem(rng, split, free=free)

    monkeypatch.setattr(thoughts.arithmetic, "problem", watched)

    records = study.training_problems(8)

    assert sorted(seen) == [("train", False)] * 4 + [("train", True)] * 4
    assert len({record["prompt"][0]["content"] for record in records}) == 8
    assert all(record["thought"] and record["answer"].isdecimal() for record in records)


def test_the_record_is_of_this_study():
    run = record("thinking")

    assert run["settings"] == {
        **study.GRPO,
        **study.GROUP,
        "steps": study.STEPS,
        "shown": study.SHOWN,
    }
    assert len(run["curves"]["right"]) == study.STEPS
    for by_kind in run["models"].values():
        for kind, found in by_kind.items():
            assert kind in study.KINDS
            assert len(found["counts"]) == run["items"]
            right = torch.tensor([[1] * c + [0] * (run["samples"] - c) for c in found["counts"]])
            for k, share in found["pass"].items():
                assert study.pass_at_k(right, int(k)) == pytest.approx(share, abs=1e-4)
