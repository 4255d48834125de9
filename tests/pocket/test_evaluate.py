"""The evaluation counts what it says it counts."""

import pytest
import torch

from companion.generation.decoding import generate
from companion.pocket import evaluate
from companion.pocket.tasks import (
    PreferencePair,
    Task,
)
from companion.prompts.evaluation import Accuracy


def test_the_wilson_interval_of_half_right():
    low, high = Accuracy(50, 100).interval  # worked by hand: (0.5 + z^2/200) / (1 + z^2/100) -+ ...

    assert low == pytest.approx(0.4038, abs=1e-4)
    assert high == pytest.approx(0.5962, abs=1e-4)


@pytest.mark.parametrize("right", [0, 7, 100])
def test_the_interval_contains_the_share_and_stays_within_0_and_1(right):
    found = Accuracy(right, 100)

    low, high = found.interval

    assert 0 <= low <= found.share
    assert found.share - 1e-12 <= high <= 1


def test_accuracy_asks_every_item_and_counts_the_right_ones(llama, tokenizer):
    prompts = ["a b c", "x", "one two"] * 30  # more than one batch, different lengths
    params = evaluate.SamplingParams(max_new_tokens=4, temperature=0)
    answers = [found.text for found in generate(llama, tokenizer, prompts, params)]
    items = [
        (prompt, answer if i % 3 else "never this")
        for i, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
    ]

    found = evaluate.accuracy(
        llama, tokenizer, Task("t", items, lambda text, answer: text == answer, 4)
    )

    assert (found.right, found.total) == (60, 90)


def test_the_table_has_a_row_for_every_task_and_kind():
    results = {
        "accuracy": {"capitals": {"right": 3, "total": 4, "share": 0.75, "interval": [0.3, 0.95]}},
        "perplexity": {"word_problems": 1.5},
    }

    text = evaluate.table(results)

    assert "| capitals | 75.0% of 4 | 30% to 95% |" in text
    assert "| word problems | 1.50 |" in text


def test_an_unknown_model_is_reported_without_a_trace(capsys):
    assert evaluate.main(["no-such-model"]) == 1
    assert "no-such-model" in capsys.readouterr().err


def test_a_reward_is_right_about_a_pair_if_the_better_answer_gets_more():
    pairs = [
        PreferencePair([], "long answer", "short"),
        PreferencePair([], "b", "long"),
        PreferencePair([], "same", "size"),
    ]

    found = evaluate.pair_accuracy(
        lambda records, responses: torch.tensor([float(len(text)) for text in responses]), pairs
    )

    assert (found.right, found.total) == (1, 3)


def test_an_unknown_role_is_refused(llama, tokenizer):
    with pytest.raises(ValueError, match="role must be 'base', 'chat' or 'reward', got 'critic'"):
        evaluate.evaluate(llama, tokenizer, role="critic")
