"""Accuracy with its interval, evaluation of prompts, votes and gains."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import AnswerNotFoundError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.prompts import extract_number
from companion.prompts.evaluation import (
    Accuracy,
    evaluate_prompts,
    gain,
    self_consistency,
)

PROMPTS = ["one", "a longer prompt", "two more"]


def test_an_accuracy_is_printed_with_its_interval() -> None:
    assert str(Accuracy(0, 10)) == "0 % (0 to 28)"


@pytest.mark.parametrize("total", [3, 29, 40, 77])
def test_the_interval_holds_the_share_at_both_ends(total: int) -> None:
    for right in (0, total):
        low, high = Accuracy(right, total).interval

        assert 0 <= low <= right / total <= high <= 1


def test_right_decides_from_text_and_answer(llama, tokenizer) -> None:
    params = SamplingParams(max_new_tokens=5, temperature=0)
    texts = [one.text for one in generate(llama, tokenizer, PROMPTS, params)]

    found = evaluate_prompts(
        llama,
        tokenizer,
        PROMPTS,
        [texts[0], "other", texts[2]],
        right=lambda text, answer: text == answer,
        params=params,
        batch_size=2,
    )

    assert found.texts == tuple(texts)
    assert found.outcomes == (True, False, True)
    assert (found.accuracy.right, found.accuracy.total, found.unanswered) == (2, 3, 0)


def test_a_text_without_an_answer_is_wrong_and_counted(llama, tokenizer) -> None:
    found = evaluate_prompts(
        llama,
        tokenizer,
        PROMPTS,
        [1, 2, 3],
        right=lambda text, answer: extract_number(text, "no such words") == answer,
        params=SamplingParams(max_new_tokens=2, temperature=0),
    )

    assert found.outcomes == (False, False, False)
    assert found.unanswered == 3


def test_texts_that_the_limit_cut_are_counted(llama, tokenizer) -> None:
    whole = [
        one.text
        for one in generate(
            llama, tokenizer, PROMPTS, SamplingParams(max_new_tokens=6, temperature=0)
        )
    ]

    found = evaluate_prompts(
        llama,
        tokenizer,
        PROMPTS,
        [1, 2, 3],
        right=lambda text, answer: True,
        params=SamplingParams(max_new_tokens=6, temperature=0, stop=(whole[1][:1],)),
    )

    stopped = [whole[1][:1] in text for text in whole]
    assert any(stopped)
    assert not all(stopped)
    assert found.cut == stopped.count(False)


def test_other_errors_of_the_judge_are_not_hidden(llama, tokenizer) -> None:
    def judge(text: str, answer: object) -> bool:
        raise KeyError(answer)

    with pytest.raises(KeyError):
        evaluate_prompts(
            llama,
            tokenizer,
            PROMPTS[:1],
            [1],
            right=judge,
            params=SamplingParams(max_new_tokens=1, temperature=0),
        )


@pytest.mark.parametrize(("prompts", "answers"), [([], []), (["a"], []), (["a"], [1, 2])])
def test_each_prompt_needs_an_answer(llama, tokenizer, prompts: list, answers: list) -> None:
    with pytest.raises(ValueError, match="one answer per prompt"):
        evaluate_prompts(llama, tokenizer, prompts, answers, right=str.__eq__)


def test_evaluation_takes_one_sample_per_prompt(llama, tokenizer) -> None:
    with pytest.raises(ValueError, match="n must be 1, got 2"):
        evaluate_prompts(
            llama, tokenizer, ["a"], ["b"], right=str.__eq__, params=SamplingParams(n=2)
        )


def digit_model(function_model, weights: dict[str, float]):
    """Write one digit with the given odds, then end the text."""
    probs = torch.zeros(259)
    for digit, weight in weights.items():
        probs[ord(digit) + 3] = weight
    end = torch.zeros(259)
    end[2] = 1.0
    digits = {ord(digit) + 3 for digit in weights}
    return function_model(lambda ids: end if ids[-1] in digits else probs)


def test_self_consistency_finds_the_likeliest_answer(function_model, tokenizer) -> None:
    model = digit_model(function_model, {"4": 0.6, "7": 0.2, "x": 0.2})

    votes = self_consistency(
        model,
        tokenizer,
        ["a", "bb"],
        extract=lambda text: extract_number(text, None),
        params=SamplingParams(max_new_tokens=2, n=50),
        generator=torch.Generator().manual_seed(0),
    )

    assert [vote.answer for vote in votes] == [4, 4]
    assert all(vote.samples == 50 for vote in votes)
    assert all(sum(vote.counts.values()) < 50 for vote in votes)  # "x" has no vote
    assert all(0.4 < vote.agreement < 0.8 for vote in votes)


def test_prompts_without_any_answer_give_an_empty_vote(function_model, tokenizer) -> None:
    model = digit_model(function_model, {"x": 1.0})

    (vote,) = self_consistency(
        model,
        tokenizer,
        ["a"],
        extract=lambda text: extract_number(text, None),
        params=SamplingParams(max_new_tokens=2, n=3),
    )

    with pytest.raises(AnswerNotFoundError, match="none of 3 texts"):
        _ = vote.answer


def test_greedy_samples_would_all_agree(llama, tokenizer) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0"):
        self_consistency(
            llama, tokenizer, ["a"], extract=str, params=SamplingParams(temperature=0, n=3)
        )


def test_self_consistency_needs_a_prompt(llama, tokenizer) -> None:
    with pytest.raises(ValueError, match="at least one prompt"):
        self_consistency(llama, tokenizer, [], extract=str, params=SamplingParams(n=3))


def outcomes(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    before = [True] * (both + first) + [False] * (second + neither)
    after = [True] * both + [False] * first + [True] * second + [False] * neither
    return before, after


def test_gain_equals_a_published_example() -> None:
    # Newcombe 1998, pairs 36, 12, 2, 0: method 10 gives 0.0569 to 0.3404
    after, before = outcomes(36, 12, 2, 0)

    found = gain(before, after)

    assert found.difference == pytest.approx(0.20)
    assert found.low == pytest.approx(0.0569, abs=5e-5)
    assert found.high == pytest.approx(0.3404, abs=5e-5)


def test_items_that_move_together_narrow_the_interval() -> None:
    together = gain(*outcomes(50, 0, 10, 40))
    apart = gain(*outcomes(25, 25, 35, 15))

    assert together.difference == apart.difference == pytest.approx(0.1)
    assert together.high - together.low < apart.high - apart.low


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_interval_holds_the_gain_and_turns_round(pairs: list[tuple[bool, bool]]) -> None:
    before, after = ([pair[i] for pair in pairs] for i in (0, 1))

    forth, back = gain(before, after), gain(after, before)

    assert -1 - 1e-9 <= forth.low <= forth.difference + 1e-9
    assert forth.difference - 1e-9 <= forth.high <= 1 + 1e-9
    assert math.isclose(forth.low, -back.high, abs_tol=1e-9)


@pytest.mark.parametrize(("before", "after"), [([], []), ([True], [])])
def test_gain_wants_the_same_items(before: list, after: list) -> None:
    with pytest.raises(ValueError, match="an outcome for each item"):
        gain(before, after)
