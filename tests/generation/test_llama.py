"""Llama's forward pass written out: the logits and tokens of the model's own, at every step."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from companion.generation.batching import left_pad
from companion.generation.beam_search import beam_search
from companion.generation.cache import kv_cache_bytes, measured_cache_bytes, next_token_logits
from companion.generation.decoding import generate, stream
from companion.generation.forward import read
from companion.generation.llama import ROOM, LlamaCache
from companion.generation.params import SamplingParams

SHAPES = {
    "two groups": {},
    "one group": {"num_key_value_heads": 1},
    "no groups": {"num_key_value_heads": 4},
    "three heads to a group": {"num_attention_heads": 6, "hidden_size": 48},
    "heads wider than their share": {"head_dim": 16},
    "tied output": {"tie_word_embeddings": True},
    "one layer": {"num_hidden_layers": 1},
    "positions of Llama 3": {
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        }
    },
    "stretched positions": {
        "rope_parameters": {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0}
    },
}
ROWS = [[5, 6, 7, 8, 9], [10], [11, 12, 13]]
PROMPTS = ["Once upon a time", "Hi", "The sea"]
GREEDY = SamplingParams(temperature=0, max_new_tokens=12)


@pytest.fixture
def model(make_llama) -> LlamaForCausalLM:
    """A random Llama with grouped queries and 256 tokens of context."""
    return make_llama(max_position_embeddings=256)


@contextmanager
def own_forward(model: nn.Module) -> Iterator[list[int]]:
    """Hang a hook on the model, so that it takes its own forward; yields a count of calls."""
    calls = [0]

    def count(*_: object) -> None:
        calls[0] += 1

    hook = model.model.norm.register_forward_hook(count)
    yield calls
    hook.remove()


def steps(model: nn.Module, rows: list[list[int]], new: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the logits of each step over the same tokens: written out, and by the model."""
    ids, mask = left_pad(rows)
    column = torch.Generator().manual_seed(1)
    ours = theirs = None
    for _ in range(new):
        logits, ours = next_token_logits(model, ids, mask, ours)
        with torch.no_grad():
            expected, theirs = read(model, ids, mask, cache=theirs, use_cache=True, last=True)
        yield logits, expected[:, -1].float()
        more = torch.randint(3, 259, (len(rows), 1), generator=column)
        ids, mask = torch.cat([ids, more], 1), torch.cat([mask, torch.ones_like(more)], 1)
    assert isinstance(ours, LlamaCache)


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[1:2], [[5, 6], [7, 8]], ROWS])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_step_gives_the_logits_of_the_model(
    make_llama, shape: str, rows: list[list[int]]
) -> None:
    model = make_llama(max_position_embeddings=256, **SHAPES[shape])

    for logits, expected in steps(model, rows, 6):
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS])
def test_nothing_is_lost_when_the_room_doubles(model, rows: list[list[int]]) -> None:
    for logits, expected in steps(model, rows, 2 * ROOM + 20):
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows", [ROWS[:1], ROWS])
def test_half_precision_rounds_where_the_model_rounds(
    model, dtype: torch.dtype, rows: list[list[int]]
) -> None:
    for logits, expected in steps(model.to(dtype), rows, 6):
        torch.testing.assert_close(logits, expected, rtol=0, atol=0.02 * expected.std().item())


def test_what_stands_in_the_padding_changes_nothing(model) -> None:
    found = [next_token_logits(model, *left_pad(ROWS, pad_id))[0] for pad_id in (0, 77)]

    assert torch.equal(*found)


SETTINGS = {
    "greedy": GREEDY,
    "sampling": SamplingParams(max_new_tokens=12),
    "several": SamplingParams(max_new_tokens=8, n=3, top_p=0.9, temperature=0.7),
    "penalties": SamplingParams(
        temperature=0, max_new_tokens=12, repetition_penalty=1.5, no_repeat_ngram_size=2
    ),
    "stop": SamplingParams(max_new_tokens=12, stop=("a", "e", "t")),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("count", [1, 3])
def test_texts_are_those_of_the_models_own_forward(
    model, tokenizer, setting: str, count: int
) -> None:

    def texts(use_cache: bool = True) -> list[tuple[list[int], str]]:
        seed = torch.Generator().manual_seed(0)
        found = generate(
            model,
            tokenizer,
            PROMPTS[:count],
            SETTINGS[setting],
            generator=seed,
            use_cache=use_cache,
        )
        return [(one.token_ids, one.finish_reason) for one in found]

    with own_forward(model) as calls:
        expected = texts()

    assert texts() == texts(use_cache=False) == expected
    assert calls[0] > 1


def test_log_probabilities_are_those_of_the_model(model, tokenizer) -> None:
    with own_forward(model):
        expected = generate(model, tokenizer, PROMPTS, GREEDY)
    found = generate(model, tokenizer, PROMPTS, GREEDY)

    for one, other in zip(found, expected, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_beams_and_streams_are_those_of_the_models_own_forward(model, tokenizer) -> None:

    def texts() -> list[object]:
        beams = beam_search(model, tokenizer, PROMPTS, num_beams=3, max_new_tokens=6)
        return [[one.token_ids for one in beams], "".join(stream(model, tokenizer, "Hi", GREEDY))]

    with own_forward(model):
        expected = texts()

    assert texts() == expected


def test_a_filter_may_write_into_the_logits(model, tokenizer) -> None:
    def only_even(logits: Tensor, _: list[list[int]]) -> Tensor:
        logits[:, 1::2] = float("-inf")
        return logits

    [found] = generate(model, tokenizer, "Hi", GREEDY, logits_filter=only_even)

    assert all(token % 2 == 0 for token in found.token_ids)


def train(model: nn.Module) -> None:
    """Take a step that changes every weight in place."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(-0.7)


def replace(model: nn.Module) -> None:
    """Put another weight in the place of one."""
    down = model.model.layers[0].mlp.down_proj
    down.weight = nn.Parameter(-2 * down.weight.detach())


def load(model: nn.Module) -> None:
    """Load other weights."""
    model.load_state_dict({name: 0.7 * one for name, one in model.state_dict().items()})


@pytest.mark.parametrize("change", [train, replace, load, lambda model: model.double()])
def test_the_next_text_knows_what_was_changed_since(model, tokenizer, change) -> None:
    before = generate(model, tokenizer, PROMPTS, GREEDY)
    change(model)
    after = generate(model, tokenizer, PROMPTS, GREEDY)
    fresh = generate(copy.deepcopy(model), tokenizer, PROMPTS, GREEDY)
    with own_forward(model):
        expected = generate(model, tokenizer, PROMPTS, GREEDY)

    assert [one.token_ids for one in after] == [one.token_ids for one in expected]
    assert after == fresh
    assert [one.logprobs for one in after] != [one.logprobs for one in before]


def test_the_cache_shows_what_is_in_use_and_no_weight_is_copied(model) -> None:
    ids, mask = left_pad(ROWS)

    _, cache = next_token_logits(model, ids, mask)

    expected = kv_cache_bytes(model.config, 5, batch_size=3, bytes_per_value=4)
    assert measured_cache_bytes(cache) == expected
    of_the_model = {one.untyped_storage().data_ptr() for one in model.parameters()}
    assert all(
        weight.untyped_storage().data_ptr() in of_the_model
        for weights in cache.layer_weights
        for weight in weights
    )
