"""Left padding, positions, prompts and the context limit."""

import copy
from types import SimpleNamespace

import pytest
import torch

from companion.errors import ContextLengthError
from companion.generation.batching import (
    check_context,
    encode_prompts,
    eos_token_ids,
    left_pad,
    padding_id,
    position_ids,
)


def test_padding_goes_to_the_left_and_is_masked() -> None:
    batch = left_pad([[5, 6, 7], [8]], pad_id=9)

    assert batch.input_ids.tolist() == [[5, 6, 7], [9, 9, 8]]
    assert batch.attention_mask.tolist() == [[1, 1, 1], [0, 0, 1]]


def test_positions_count_real_tokens_only() -> None:
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]])

    positions = position_ids(mask)

    assert positions[0, 2:].tolist() == [0, 1, 2]
    assert positions[1, :3].tolist() == [0, 1, 2]


def test_a_prompt_gets_no_second_bos() -> None:
    class AddsBos:
        bos_token = "<s>"

        def __call__(
            self, text: str, add_special_tokens: bool, **_: object
        ) -> dict[str, list[int]]:
            body = [1 if text.startswith("<s>") else 7, 8]
            return {"input_ids": [1, *body] if add_special_tokens else body}

    assert encode_prompts(AddsBos(), ["hi", "<s>hi"]) == [[1, 7, 8], [1, 8]]


def test_an_empty_prompt_is_refused_with_a_token_to_start_from(tokenizer) -> None:
    with pytest.raises(ValueError, match=r"prompt 1 is empty.*To start from nothing, pass '<s>'"):
        encode_prompts(tokenizer, ["a", ""])


def test_without_bos_the_empty_prompt_message_names_eos() -> None:
    class Plain:
        bos_token, eos_token = None, "<|endoftext|>"

        def __call__(
            self, text: str, add_special_tokens: bool, **_: object
        ) -> dict[str, list[int]]:
            return {"input_ids": []}

    with pytest.raises(ValueError, match=r"pass '<\|endoftext\|>'"):
        encode_prompts(Plain(), [""])


def test_a_prompt_that_just_fits_is_accepted() -> None:
    check_context(SimpleNamespace(max_position_embeddings=64), 60, 4)


def test_a_model_without_a_stated_context_is_not_limited() -> None:
    check_context(SimpleNamespace(), 10**6, 10**6)


@pytest.mark.parametrize(
    ("prompt", "new", "match"),
    [
        (60, 5, r"60 tokens and max_new_tokens is 5: 65 together.*is 64.*to at most 4"),
        (64, 1, r"64 tokens and the context of this model is 64: no room is left"),
        (70, 0, r"70 tokens and the context of this model is 64\. Shorten"),
    ],
)
def test_what_exceeds_the_context_is_refused_with_the_numbers(
    prompt: int, new: int, match: str
) -> None:
    with pytest.raises(ContextLengthError, match=match):
        check_context(SimpleNamespace(max_position_embeddings=64), prompt, new)


@pytest.mark.parametrize(
    ("of_model", "of_tokenizer", "expected"),
    [(5, 2, {5}), ([5, 6], 2, {5, 6}), (None, 2, {2}), (None, None, set()), (0, 2, {0})],
)
def test_eos_comes_from_the_model_first(
    of_model: int | list[int] | None, of_tokenizer: int | None, expected: set[int]
) -> None:
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=of_model))

    assert eos_token_ids(model, SimpleNamespace(eos_token_id=of_tokenizer)) == expected


@pytest.mark.parametrize(("pad", "eos", "expected"), [(0, 2, 0), (None, 2, 2), (None, None, 0)])
def test_any_id_can_fill_the_gaps(pad: int | None, eos: int | None, expected: int) -> None:
    assert padding_id(SimpleNamespace(pad_token_id=pad, eos_token_id=eos)) == expected


def test_a_text_longer_than_the_context_logs_nothing(tokenizer) -> None:
    short = copy.deepcopy(tokenizer)
    short.model_max_length = 4

    encode_prompts(short, ["a text of more than four tokens"])

    assert short.deprecation_warnings == {}  # where transformers notes that it has warned
