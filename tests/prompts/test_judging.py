"""A model as judge: log-odds of two words, verdicts in both orders."""

import pytest
import torch

from companion.errors import ContextLengthError
from companion.messages import prompt_text
from companion.models import load
from companion.prompts import fill
from companion.prompts.judging import PAIR_PROMPT, TwoOrders, judge_pairs, word_log_odds

PAIRS = [("What is the capital of Italy?", "Rome.", "Paris."), ("Who?", "I do not know.", "Amara.")]


@pytest.fixture(scope="module")
def chat():
    return load("chat", source="pocket")


@pytest.mark.parametrize(
    ("forward", "swapped", "winner"),
    [(2.0, -1.0, "one"), (-2.0, 1.0, "two"), (2.0, 1.0, "tie"), (-2.0, -1.0, "tie"), (0, 0, "tie")],
)
def test_only_a_verdict_that_survives_the_swap_wins(forward, swapped, winner) -> None:
    assert TwoOrders(forward, swapped).winner == winner


def test_lead_and_bias_add_up_to_what_was_said() -> None:
    said = TwoOrders(forward=3.0, swapped=1.0)

    assert (said.lead, said.order_bias) == (1.0, 2.0)
    assert said.lead + said.order_bias == said.forward


def test_log_odds_are_the_difference_of_two_log_probabilities(chat) -> None:
    prompts = ["The answer is", "A longer prompt, then"]

    odds = word_log_odds(*chat, prompts, words=(" 1", " a"))

    for prompt, value in zip(prompts, odds, strict=True):
        ids = chat.tokenizer(prompt, return_tensors="pt").input_ids
        logprobs = chat.model(ids).logits[0, -1].log_softmax(dim=-1)
        one, other = (chat.tokenizer(word).input_ids[0] for word in (" 1", " a"))
        torch.testing.assert_close(value, logprobs[one] - logprobs[other], atol=1e-4, rtol=0)


def test_no_prompt_gives_no_odds(chat) -> None:
    assert word_log_odds(*chat, []).shape == (0,)


def test_words_that_begin_alike_are_refused(chat) -> None:
    with pytest.raises(ValueError, match="different tokens"):
        word_log_odds(*chat, ["Say it:"], words=("A", "A"))


def test_a_prompt_longer_than_the_context_is_refused(chat) -> None:
    with pytest.raises(ContextLengthError):
        word_log_odds(*chat, ["word " * 600])


def test_a_pair_is_judged_in_both_orders(chat) -> None:
    said = judge_pairs(*chat, PAIRS)

    for (question, one, two), verdict in zip(PAIRS, said, strict=True):
        for first, second, value in ((one, two, verdict.forward), (two, one, verdict.swapped)):
            content = fill(PAIR_PROMPT, question=question, first=first, second=second)
            prompt = prompt_text(chat.tokenizer, [{"role": "user", "content": content}])
            (expected,) = word_log_odds(*chat, [prompt])
            assert value == pytest.approx(expected.item(), abs=1e-5)


def test_a_pair_turned_round_gives_the_opposite_lead(chat) -> None:
    (said,) = judge_pairs(*chat, [("Which?", "The first.", "Another one.")])
    (turned,) = judge_pairs(*chat, [("Which?", "Another one.", "The first.")])

    assert turned.lead == pytest.approx(-said.lead, abs=1e-5)
    assert turned.order_bias == pytest.approx(said.order_bias, abs=1e-5)
