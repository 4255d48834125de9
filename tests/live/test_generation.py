"""Filters, random numbers, decoding and beam search in the page against companion.generation."""

from itertools import pairwise

import pytest
import torch

from companion.generation import logits as filters
from companion.generation.beam_search import beam_search
from companion.generation.decoding import generate, shape_logits
from companion.generation.params import SamplingParams
from companion.generation.sampling import draw_uniforms, sample_tokens
from companion.generation.stopping import settled_length

SETTINGS = [
    {"temperature": 0.7, "top_k": 5},
    {"top_p": 0.9},
    {"temperature": 1.5, "top_p": 0.6, "top_k": 7},
    {"min_p": 0.2},
    {"temperature": 0.8, "top_k": 12, "top_p": 0.95, "min_p": 0.05},
    {"repetition_penalty": 1.3, "no_repeat_ngram_size": 2},
]
NAMES = {
    "temperature": "temperature",
    "top_k": "topK",
    "top_p": "topP",
    "min_p": "minP",
    "repetition_penalty": "repetitionPenalty",
    "no_repeat_ngram_size": "noRepeatNgramSize",
    "max_new_tokens": "maxNewTokens",
    "stop": "stop",
}
PROMPTS = ["Once there was", "Q: What is 4 + 5?\nA:", "The capital of Japan is"]


def camel(settings: dict) -> dict:
    return {NAMES[name]: value for name, value in settings.items()}


def as_numbers(values: list) -> torch.Tensor:
    return torch.tensor([float("-inf") if value is None else value for value in values])


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("tied", [False, True])
def test_filters_keep_the_same_tokens(page, settings, tied):
    logits = 3 * torch.randn(8, 50, generator=torch.Generator().manual_seed(1))
    logits = logits.round() if tied else logits
    ids = torch.randint(50, (8, 20), generator=torch.Generator().manual_seed(2))

    wanted = shape_logits(logits, ids, SamplingParams(**settings))

    for row, seen, target in zip(logits.tolist(), ids.tolist(), wanted, strict=True):
        found = as_numbers(page("shape", logits=row, ids=seen, settings=camel(settings)))
        assert torch.equal(found == filters.NEG_INF, target == filters.NEG_INF)
        assert torch.allclose(found, target, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_random_numbers_are_those_of_torch(page, seed):
    wanted = draw_uniforms(1, 700, torch.Generator().manual_seed(seed))[0].tolist()

    assert page("random", seed=seed, count=700) == wanted


def test_a_number_draws_the_same_token(page):
    logits = torch.tensor([1.0, filters.NEG_INF, 0.0, 2.0])
    uniforms = torch.linspace(0, 0.999, 60, dtype=torch.float64)

    found = page("draw", logits=[1.0, None, 0.0, 2.0], uniforms=uniforms.tolist())

    assert found == sample_tokens(logits.expand(60, 4), uniforms).tolist()


@pytest.mark.parametrize("settings", [{"temperature": 0}, *SETTINGS])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_page_writes_what_generate_writes(page, pocket, prompt, settings):
    model, tokenizer = pocket("base")
    settings = {**settings, "max_new_tokens": 24}
    generator = torch.Generator().manual_seed(3)
    (wanted,) = generate(model, tokenizer, prompt, SamplingParams(**settings), generator=generator)

    steps = page("write", text=prompt, precision="float16", settings={**camel(settings), "seed": 3})

    assert [step["id"] for step in steps] == wanted.token_ids
    assert steps[-1]["text"] == wanted.text
    assert steps[-1]["reason"] == wanted.finish_reason
    logprobs = torch.tensor([step["logprob"] for step in steps])
    assert torch.allclose(logprobs, torch.tensor(wanted.logprobs), atol=1e-3)


@pytest.mark.parametrize("stop", [[" the"], ["he", "\n"]])
def test_stop_strings_cut_the_same_text(page, pocket, stop):
    model, tokenizer = pocket("base")
    params = SamplingParams(temperature=0, max_new_tokens=40, stop=tuple(stop))
    (wanted,) = generate(model, tokenizer, PROMPTS[0], params)

    settings = {"temperature": 0, "maxNewTokens": 40, "stop": stop}
    steps = page("write", text=PROMPTS[0], precision="float16", settings=settings)

    assert (steps[-1]["text"], steps[-1]["reason"]) == (wanted.text, wanted.finish_reason)
    texts = [step["text"] for step in steps]
    assert all(later.startswith(text) for text, later in pairwise(texts))


@pytest.mark.parametrize("text", ["8\n", "8\nQ", "caf\ufffd", "a. Q: Q", "a\n\ufffd\ufffd", ""])
@pytest.mark.parametrize("stop", [[], ["\n\n"], ["Q: Q:", "\n\n\n"]])
def test_what_may_still_change_is_held_back_alike(page, text, stop):
    assert page("settled", text=text, stop=stop) == settled_length(text, stop)


def test_the_end_of_a_turn_ends_an_answer(page, pocket):
    model, tokenizer = pocket("chat")
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    (wanted,) = generate(model, tokenizer, text, SamplingParams(temperature=0))

    settings = {"temperature": 0}
    steps = page("write", messages=messages, model="chat", precision="float16", settings=settings)

    assert [step["id"] for step in steps] == wanted.token_ids
    assert steps[-1]["reason"] == "eos"


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize(("beams", "penalty"), [(1, 1.0), (3, 1.0), (4, 0.0)])
def test_beam_search_ends_in_the_same_sequences(page, pocket, prompt, beams, penalty):
    model, tokenizer = pocket("base")
    wanted = beam_search(
        model,
        tokenizer,
        prompt,
        num_beams=beams,
        max_new_tokens=10,
        length_penalty=penalty,
        num_return_sequences=beams,
    )

    settings = {"numBeams": beams, "maxNewTokens": 10, "lengthPenalty": penalty}
    *_, last = page("search", text=prompt, precision="float16", settings=settings)

    assert last["done"]
    assert [beam["ids"] for beam in last["ended"]] == [beam.token_ids for beam in wanted]
    scores = torch.tensor([beam["score"] for beam in last["ended"]])
    assert torch.allclose(scores, torch.tensor([beam.score for beam in wanted]), atol=1e-3)


def test_a_prompt_that_leaves_no_room_is_refused_in_words(page):
    with pytest.raises(ValueError, match="has 500 tokens, and there is room for 448"):
        page("write", text="1" * 500)


def test_no_text_is_refused_in_words(page):
    with pytest.raises(ValueError, match="There is no text"):
        page("next", text="")
