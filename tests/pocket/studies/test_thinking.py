"""Reasoning between marks: only the answer is rewarded, and reasoning is cut where it says."""

from types import SimpleNamespace

import pytest
import torch

import companion
from companion.messages import prompt_text, tokenize_chat
from companion.pocket.studies import thinking as study


@pytest.fixture(scope="module")
def marked():
    return study.with_marks(companion.load("chat", source="pocket"))


@pytest.fixture
def problem():
    return study.asked("What is 8 + 4?", "8 plus 4 is 12.", 12)


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
    assert study.rewarded([problem], [text]).tolist() == [reward]


def test_marks_begin_as_words_and_leave_the_original_alone(marked):
    chat = companion.load("chat", source="pocket")
    ids = marked.tokenizer.convert_tokens_to_ids([study.OPEN, study.CLOSE])
    like = [chat.tokenizer(word).input_ids[0] for word in study.LIKE.values()]

    table = marked.model.get_input_embeddings().weight

    torch.testing.assert_close(table[ids], table[like])
    assert len(marked.tokenizer) == len(chat.tokenizer) + 2 == table.shape[0]
    assert marked.tokenizer("<think>").input_ids == ids[:1]
    assert study.OPEN not in chat.tokenizer.get_vocab()


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
    messages = study.demonstration(problem, thinking=thinking)["messages"]

    ids, mask = tokenize_chat(marked.tokenizer, messages)

    kept = [token for token, counts in zip(ids, mask, strict=True) if counts]
    assert marked.tokenizer.decode(kept) == learned


def test_a_budget_cuts_reasoning_and_closes_it(marked, problem, monkeypatch):
    asked = []

    def continued(_loaded, texts, **_settings):
        asked.extend(texts)
        return [SimpleNamespace(text=" 7") for _ in texts]

    monkeypatch.setattr(study, "continued", continued)
    said = ["<think>8 plus 4 is 12.</think> 12", "<think>never closed"]

    cut = study.forced(marked, [problem] * 2, said, budget=2)
    whole = study.forced(marked, [problem] * 2, said, budget=50)

    assert cut[0] == "<think>8 plus</think> 7"
    assert whole == ["<think>8 plus 4 is 12.</think> 7", "<think>never closed</think> 7"]
    assert asked[0] == prompt_text(marked.tokenizer, problem["prompt"], thinking=True) + cut[0][:-2]


def test_a_word_takes_the_place_of_the_closing_mark(marked, problem, monkeypatch):
    monkeypatch.setattr(
        study,
        "continued",
        lambda _loaded, texts, **_: [SimpleNamespace(text=" 1</think> 1") for _ in texts],
    )

    (text,) = study.extended(marked, [problem], ["<think>8 plus 4 is 12.</think> 12"])

    assert text == "<think>8 plus 4 is 12. Wait. 1</think> 1"


@pytest.mark.parametrize("split", ["train", "eval"])
def test_sums_keep_to_their_side(split):
    for asked in study.sums(0, split, 20):
        a, op, b = asked["prompt"][0]["content"][len("What is ") : -1].split()

        assert study.held_out(int(a), op, int(b)) == (split == "eval")
        assert asked["thought"].endswith(f" is {asked['answer']}.")
