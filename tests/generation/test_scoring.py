"""Log-probabilities and perplexity."""

import math

import pytest
import torch
import torch.nn.functional as F

from companion.errors import ContextLengthError
from companion.generation.batching import left_pad
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.scoring import perplexity, sequence_logprob, token_logprobs

LONG, SHORT = [5, 6, 7, 8, 9, 10], [20, 21, 22]
P_A, P_B = 0.75, 0.25
A, B = 100, 101


def two_letters(ids: list[int]) -> torch.Tensor:
    probs = torch.zeros(259)
    probs[A], probs[B] = P_A, P_B
    return probs


def test_scores_by_hand(function_model) -> None:
    scores = token_logprobs(function_model(two_letters), torch.tensor([[A, A, B], [B, B, B]]))

    expected = torch.tensor([[P_A, P_B], [P_B, P_B]]).log()
    torch.testing.assert_close(scores, expected)


def test_scores_equal_cross_entropy(tiny_model) -> None:
    ids = torch.tensor([LONG])
    with torch.no_grad():
        logits = tiny_model(ids).logits

    expected = -F.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")

    torch.testing.assert_close(token_logprobs(tiny_model, ids)[0], expected)


def test_the_mean_is_the_loss_that_transformers_reports(tiny_model) -> None:
    ids = torch.tensor([LONG])
    with torch.no_grad():
        loss = tiny_model(ids, labels=ids).loss

    torch.testing.assert_close(-token_logprobs(tiny_model, ids).mean(), loss)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_scores_zero_and_changes_nothing_else(tiny_model, side: str, threads: int) -> None:
    gap = len(LONG) - len(SHORT)
    padded = [0] * gap + SHORT if side == "left" else SHORT + [0] * gap
    mask = [0] * gap + [1] * 3 if side == "left" else [1] * 3 + [0] * gap

    scores = token_logprobs(
        tiny_model, torch.tensor([LONG, padded]), torch.tensor([[1] * len(LONG), mask])
    )

    alone = token_logprobs(tiny_model, torch.tensor([SHORT]))[0]
    real = scores[1, gap:] if side == "left" else scores[1, : len(SHORT) - 1]
    torch.testing.assert_close(real, alone, rtol=1e-4, atol=1e-4)
    assert (scores[1] == 0).sum() == gap
    torch.testing.assert_close(scores[:1], token_logprobs(tiny_model, torch.tensor([LONG])))


def test_the_sum_is_the_log_probability_of_the_sequence(tiny_model) -> None:
    ids, mask = left_pad([LONG, SHORT])

    step_by_step = torch.zeros(2)
    for row, tokens in enumerate([LONG, SHORT]):
        for end in range(1, len(tokens)):
            with torch.no_grad():
                logits = tiny_model(torch.tensor([tokens[:end]])).logits[0, -1]
            step_by_step[row] += logits.log_softmax(-1)[tokens[end]]

    total = sequence_logprob(tiny_model, ids, mask)
    torch.testing.assert_close(total, step_by_step, rtol=1e-4, atol=1e-4)


def test_all_continuations_together_have_probability_one(function_model) -> None:
    texts = torch.tensor([[A, x, y] for x in (A, B) for y in (A, B)])

    total = sequence_logprob(function_model(two_letters), texts).exp().sum()

    assert total.item() == pytest.approx(1)


def test_scores_equal_the_logprobs_that_generate_reports(tiny_model, tokenizer) -> None:
    (one,) = generate(tiny_model, tokenizer, "Hey", SamplingParams(max_new_tokens=6))
    prompt = tokenizer("Hey")["input_ids"]

    scores = token_logprobs(tiny_model, torch.tensor([prompt + one.token_ids]))[0]

    new = scores[len(prompt) - 1 :].tolist()
    assert one.logprobs == pytest.approx(new, abs=1e-3)


def test_perplexity_of_a_uniform_model_is_the_vocabulary_size(uniform_model, tokenizer) -> None:
    assert perplexity(uniform_model, tokenizer, "any text") == pytest.approx(259, rel=1e-5)


def test_perplexity_by_hand(function_model, tokenizer) -> None:
    text = bytes([A - 3, A - 3, B - 3]).decode()

    value = perplexity(function_model(two_letters), tokenizer, text)

    assert value == pytest.approx(1 / math.sqrt(P_A * P_B), rel=1e-5)


def test_no_gradient_is_kept(llama) -> None:
    assert not token_logprobs(llama, torch.tensor([LONG])).requires_grad


def test_a_text_longer_than_the_context_is_refused(llama, tokenizer) -> None:
    with pytest.raises(ContextLengthError, match="65 tokens and the context of this model is 64"):
        perplexity(llama, tokenizer, "a" * 65)


def test_a_text_that_fills_the_context_is_scored(llama, tokenizer) -> None:
    assert perplexity(llama, tokenizer, "a" * 64) >= 1


@pytest.mark.parametrize("shape", [(3,), (2, 1)])
def test_one_token_has_no_score(llama, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="T >= 2"):
        token_logprobs(llama, torch.ones(shape, dtype=torch.long))


def test_a_mask_of_another_shape_is_refused(llama) -> None:
    with pytest.raises(ValueError, match="attention_mask must have the shape of input_ids"):
        token_logprobs(llama, torch.tensor([LONG]), torch.ones(1, 3))
