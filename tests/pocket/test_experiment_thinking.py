"""The study of reasoning rewards the answer alone, counts tries fairly, and cuts where it says."""

from itertools import combinations
from types import SimpleNamespace

import pytest
import torch

import companion
from companion.messages import prompt_text, tokenize_chat
from companion.pocket.experiments import _thoughts as thoughts
from companion.pocket.experiments import thinking as study
from companion.pocket.records import record


@pytest.fixture(scope="module")
def marked():
    return thoughts.with_marks(companion.load("chat", source="pocket"))


@pytest.fixture
def problem():
    return thoughts.asked("What is 8 + 4?", "8 plus 4 is 12.", 12)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_pass_at_k_is_the_mean_over_all_choices(k):
    right = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 0]])
    choices = list(combinations(range(5), k))

    expected = sum(bool(row[list(c)].any()) for row in right for c in choices) / len(choices) / 3

    assert thoughts.pass_at_k(right, k) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("<think>8 plus 4 is 12.</think> 12", 1),
        ("<think>8 plus 4 is 13.</think> 12", 1),  # whatever the steps are
        ("<think>8 plus 4 is 12.</think> 13", 0),
        ("<think>8 plus 4 is 12. The answer is 12.", 0),  # cut off
        ("12", 0),
        ("<think></think> 12 or 13", 0),
    ],
)
def test_only_the_answer_behind_the_reasoning_is_rewarded(problem, text, reward):
    assert thoughts.rewarded([problem], [text]).tolist() == [reward]


def test_marks_begin_as_words_and_leave_the_original_alone(marked):
    chat = companion.load("chat", source="pocket")
    ids = marked.tokenizer.convert_tokens_to_ids([thoughts.OPEN, thoughts.CLOSE])
    like = [chat.tokenizer(word).input_ids[0] for word in thoughts.LIKE.values()]

    table = marked.model.get_input_embeddings().weight

    torch.testing.assert_close(table[ids], table[like])
    assert len(marked.tokenizer) == len(chat.tokenizer) + 2 == table.shape[0]
    assert marked.tokenizer("<think>").input_ids == ids[:1]
    assert thoughts.OPEN not in chat.tokenizer.get_vocab()


def test_the_template_closes_the_reasoning_where_thinking_is_off(marked, problem):
    on, off = (
        prompt_text(marked.tokenizer, problem["prompt"], thinking=thinking)
        for thinking in (True, False)
    )

    assert off == on + "<think></think>"


@pytest.mark.parametrize(
    ("thinking", "learned"),
    [(True, "<think>8 plus 4 is 12.</think> 12<|end|>"), (False, " 12<|end|>")],
)
def test_an_empty_block_is_given_and_not_learned(marked, problem, thinking, learned):
    messages = thoughts.demonstration(problem, thinking=thinking)["messages"]

    ids, mask = tokenize_chat(marked.tokenizer, messages)

    kept = [token for token, counts in zip(ids, mask, strict=True) if counts]
    assert marked.tokenizer.decode(kept) == learned


def test_a_budget_cuts_reasoning_and_closes_it(marked, problem, monkeypatch):
    asked = []

    def continued(_loaded, texts, **_settings):
        asked.extend(texts)
        return [SimpleNamespace(text=" 7") for _ in texts]

    monkeypatch.setattr(thoughts, "continued", continued)
    said = ["<think>8 plus 4 is 12.</think> 12", "<think>never closed"]

    cut = thoughts.forced(marked, [problem] * 2, said, budget=2)
    whole = thoughts.forced(marked, [problem] * 2, said, budget=50)

    assert cut[0] == "<think>8 plus</think> 7"
    assert whole == ["<think>8 plus 4 is 12.</think> 7", "<think>never closed</think> 7"]
    assert asked[0] == prompt_text(marked.tokenizer, problem["prompt"], thinking=True) + cut[0][:-2]


def test_a_word_takes_the_place_of_the_closing_mark(marked, problem, monkeypatch):
    monkeypatch.setattr(
        thoughts,
        "continued",
        lambda _loaded, texts, **_: [SimpleNamespace(text=" 1</think> 1") for _ in texts],
    )

    (text,) = thoughts.extended(marked, [problem], ["<think>8 plus 4 is 12.</think> 12"])

    assert text == "<think>8 plus 4 is 12. Wait. 1</think> 1"


def test_votes_leave_out_texts_without_an_answer_and_ties_go_to_the_first():
    rows = [["", "", "7"], ["8", "7", "7"], ["8", "7", ""], ["", "", ""]]

    assert thoughts.vote_share(rows, ["7"] * 4, 3) == 2 / 4
    assert thoughts.vote_share(rows, ["8"] * 4, 2) == 2 / 4


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


@pytest.mark.parametrize("split", ["train", "eval"])
def test_sums_keep_to_their_side(split):
    for asked in thoughts.sums(0, split, 20):
        a, op, b = asked["prompt"][0]["content"][len("What is ") : -1].split()

        assert thoughts.held_out(int(a), op, int(b)) == (split == "eval")
        assert asked["thought"].endswith(f" is {asked['answer']}.")


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
                assert thoughts.pass_at_k(right, int(k)) == pytest.approx(share, abs=1e-4)
