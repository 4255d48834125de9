"""Rollouts: what is written counts, padding is invisible, scores agree with the model."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from companion.errors import DataError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.scoring import token_logprobs
from companion.messages import end_of_turn_id, prompt_text
from companion.training.rollout import (
    Rollout,
    assemble,
    encode_records,
    longest_prompt,
    rollout,
    score_tokens,
)

RECORDS = [
    {"prompt": [{"role": "user", "content": text}]}
    for text in ("Hi.", "What is the capital of Italy?", "Tell me a story about a cat, please.")
]


def ragged() -> Rollout:
    """Three prompts and three responses, none as long as another."""
    return assemble(
        [[5, 6, 7], [8, 9], [10, 11, 12, 13, 14]],
        [[20, 2], [21, 22, 23, 24, 2], [25, 26, 2]],
        responses=["a", "b", "c"],
        finished=[True, False, True],
        pad_id=1,
    )


def test_a_batch_has_prompts_on_the_left_and_responses_on_the_right() -> None:
    batch = assemble([[5], [6, 7]], [[8, 2], [9]], responses=["x", "y"], finished=[True, False])

    assert batch.input_ids.tolist() == [[0, 5, 8, 2], [6, 7, 9, 0]]
    assert batch.attention_mask.tolist() == [[0, 1, 1, 1], [1, 1, 1, 0]]
    assert batch.completion_mask.tolist() == [[True, True], [True, False]]


def test_rows_leave_out_columns_that_nobody_uses() -> None:
    part = ragged().rows(torch.tensor([2, 0]))

    assert part.input_ids.tolist() == [
        [10, 11, 12, 13, 14, 25, 26, 2],
        [1, 1, 5, 6, 7, 20, 2, 1],
    ]
    assert part.completion_mask.tolist() == [[True, True, True], [True, True, False]]
    assert (part.responses, part.finished) == (["c", "a"], [True, True])


def test_scores_of_a_padded_batch_are_those_of_each_alone(tiny: Callable[..., Any]) -> None:
    model, batch = tiny(initializer_range=0.3), ragged()

    together = score_tokens(model, batch)

    for row in range(3):
        alone = score_tokens(model, batch.rows(torch.tensor([row])))
        width = alone.logprobs.shape[1]
        for whole, part in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[row, :width], part[0], atol=1e-5, rtol=1e-5)
        assert not together.logprobs[row, width:].any()
        assert not together.entropy[row, width:].any()


def test_logprobs_are_those_of_whole_texts(tiny: Callable[..., Any]) -> None:
    model, batch = tiny(initializer_range=0.3), ragged()

    scored = score_tokens(model, batch).logprobs

    whole = token_logprobs(model, batch.input_ids, batch.attention_mask)[:, -5:]
    torch.testing.assert_close(scored, torch.where(batch.completion_mask, whole, 0.0))


def test_a_hidden_state_is_the_one_that_chose_the_token(tiny: Callable[..., Any]) -> None:
    model, batch = tiny(initializer_range=0.3), ragged()

    scored = score_tokens(model, batch)

    spread = torch.distributions.Categorical(logits=model.lm_head(scored.hidden_states))
    tokens, mask = batch.input_ids[:, -5:], batch.completion_mask
    torch.testing.assert_close(scored.logprobs[mask], spread.log_prob(tokens)[mask])
    torch.testing.assert_close(scored.entropy[mask], spread.entropy()[mask])


def test_gradients_reach_the_model(tiny: Callable[..., Any]) -> None:
    model = tiny()

    score_tokens(model, ragged()).logprobs.sum().backward()

    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_responses_are_those_of_generate(
    tiny: Callable[..., Any], pocket_tokenizer: Any
) -> None:
    model = tiny(initializer_range=0.3)
    prompts = encode_records(pocket_tokenizer, RECORDS, max_length=None)

    batch = rollout(
        model,
        pocket_tokenizer,
        prompts,
        max_new_tokens=9,
        generator=torch.Generator().manual_seed(1),
    )

    texts = [prompt_text(pocket_tokenizer, record["prompt"]) for record in RECORDS]
    expected = generate(
        model,
        pocket_tokenizer,
        texts,
        SamplingParams(max_new_tokens=9),
        generator=torch.Generator().manual_seed(1),
    )
    assert batch.responses == [answer.text for answer in expected]
    logprobs = score_tokens(model, batch).logprobs
    for row, answer in enumerate(expected):
        written = batch.input_ids[row, -batch.completion_mask.shape[1] :]
        assert written[batch.completion_mask[row]].tolist() == answer.token_ids
        kept = logprobs[row][batch.completion_mask[row]]
        torch.testing.assert_close(kept, torch.tensor(answer.logprobs), atol=1e-4, rtol=1e-4)


def writing(script: list[int], function_model: Callable[..., Any], prompt_tokens: int) -> Any:
    """Return a model that writes ``script`` after the prompt."""

    def next_probs(ids: list[int]) -> torch.Tensor:
        probs = torch.zeros(2048)
        probs[script[max(0, len(ids) - prompt_tokens) % len(script)]] = 1
        return probs

    return function_model(next_probs, eos_id=0)


def test_the_end_of_turn_ends_a_response_and_counts(
    function_model: Callable[..., Any], pocket_tokenizer: Any
) -> None:
    prompts = encode_records(pocket_tokenizer, RECORDS[:1], max_length=None)
    end = end_of_turn_id(pocket_tokenizer)
    said = pocket_tokenizer("Rome.")["input_ids"]
    model = writing([*said, end], function_model, len(prompts[0]))

    batch = rollout(model, pocket_tokenizer, prompts, max_new_tokens=20)

    assert end != pocket_tokenizer.eos_token_id
    assert (batch.responses, batch.finished) == (["Rome."], [True])
    assert batch.input_ids[0, len(prompts[0]) :].tolist() == [*said, end]
    assert batch.completion_mask.all()


def test_a_response_that_is_cut_off_is_not_finished(
    function_model: Callable[..., Any], pocket_tokenizer: Any
) -> None:
    prompts = encode_records(pocket_tokenizer, RECORDS[:1], max_length=None)
    said = pocket_tokenizer("Rome is a city in Italy.")["input_ids"]
    model = writing(said, function_model, len(prompts[0]))

    batch = rollout(model, pocket_tokenizer, prompts, max_new_tokens=2)

    assert batch.finished == [False]
    assert batch.completion_mask.tolist() == [[True, True]]


def test_an_empty_response_still_has_the_token_that_ends_it(
    function_model: Callable[..., Any], pocket_tokenizer: Any
) -> None:
    prompts = encode_records(pocket_tokenizer, RECORDS[:1], max_length=None)
    model = writing([end_of_turn_id(pocket_tokenizer)], function_model, len(prompts[0]))

    batch = rollout(model, pocket_tokenizer, prompts, max_new_tokens=5)

    assert (batch.responses, batch.finished) == ([""], [True])
    assert batch.completion_mask.tolist() == [[True]]


def test_prompts_are_the_tokens_of_the_chat_template(pocket_tokenizer: Any) -> None:
    (ids, *_) = encode_records(pocket_tokenizer, RECORDS, max_length=None)

    assert pocket_tokenizer.decode(ids) == prompt_text(pocket_tokenizer, RECORDS[0]["prompt"])


def test_a_prompt_that_is_too_long_is_named(pocket_tokenizer: Any) -> None:
    longest = len(encode_records(pocket_tokenizer, RECORDS[1:2], max_length=None)[0])

    with pytest.raises(DataError, match=f"record 2 has .* but at most {longest} fit beside"):
        encode_records(pocket_tokenizer, RECORDS, max_length=longest)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([*RECORDS, {"text": "Hi"}], "record 3 has no field 'prompt'"),
        ([{"prompt": "Hi"}], "record 0, field 'prompt': messages must be a list"),
        (
            [{"prompt": [{"role": "assistant", "content": "Hi"}]}],
            "record 0: the last message is the assistant's",
        ),
    ],
)
def test_malformed_records_are_named(pocket_tokenizer: Any, records: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encode_records(pocket_tokenizer, records, max_length=None)


def test_new_tokens_take_room_from_the_prompt(tiny: Callable[..., Any]) -> None:
    assert longest_prompt(tiny(), 28) == 100
    with pytest.raises(ValueError, match=r"max_new_tokens must be below the context .* 128, got"):
        longest_prompt(tiny(), 128)
