"""Beam search: against transformers, against brute force, and by hand."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from companion.errors import ContextLengthError
from companion.generation.beam_search import beam_search
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams

PROMPTS = ["Hello", "a", "To be or not", "日本"]


def transformers_beams(model, tokenizer, prompts: list[str], **settings: object):
    """Run `model.generate` on a left-padded batch; return new ids, padding removed, and scores."""
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    output = model.generate(
        **batch,
        do_sample=False,
        early_stopping=True,
        return_dict_in_generate=True,
        output_scores=True,
        **settings,
    )
    new = output.sequences[:, batch["input_ids"].shape[1] :].tolist()
    eos = settings.get("eos_token_id", [2])
    ends = [next((i for i, t in enumerate(row) if t in eos), len(row)) for row in new]
    rows = [row[: end + 1] for row, end in zip(new, ends, strict=True)]
    return rows, output.sequences_scores.tolist()


@pytest.mark.parametrize("eos", [[2], [2, *range(40, 60)]], ids=["rare-eos", "frequent-eos"])
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0, -1.0])
@pytest.mark.parametrize("num_beams", [2, 5])
def test_beams_equal_transformers_on_a_padded_batch(
    tiny_model, tokenizer, num_beams: int, length_penalty: float, eos: list[int]
) -> None:
    settings = {
        "num_beams": num_beams,
        "length_penalty": length_penalty,
        "max_new_tokens": 9,
        "num_return_sequences": 2,
    }
    tiny_model.generation_config.eos_token_id = eos
    try:
        ours = beam_search(tiny_model, tokenizer, PROMPTS, **settings)
        rows, scores = transformers_beams(
            tiny_model, tokenizer, PROMPTS, eos_token_id=eos, **settings
        )
    finally:
        tiny_model.generation_config.eos_token_id = 2

    assert [one.token_ids for one in ours] == rows
    assert [one.score for one in ours] == pytest.approx(scores, rel=1e-4, abs=1e-5)


def test_frequent_eos_really_ends_beams_at_different_lengths(llama, tokenizer) -> None:
    llama.generation_config.eos_token_id = [2, *range(40, 60)]
    try:
        ours = beam_search(
            llama, tokenizer, PROMPTS, num_beams=5, max_new_tokens=30, num_return_sequences=5
        )
    finally:
        llama.generation_config.eos_token_id = 2

    assert len({len(one.token_ids) for one in ours}) >= 3
    assert sum(one.finish_reason == "eos" for one in ours) >= 10


def garden_path(ids: list[int]) -> Tensor:
    """Prefer 3 at first, after which nothing is probable; 4 would have led to a sure 5."""
    probs = torch.zeros(6)
    if ids[-1] == 3:
        probs[[2, 3, 4, 5]] = 0.25
    elif ids[-1] == 4:
        probs[5] = 1.0
    elif ids[-1] == 5:
        probs[2] = 1.0
    else:
        probs[[3, 4]] = torch.tensor([0.6, 0.4])
    return probs


class LetterTokenizer:
    """Six tokens: pad, BOS, EOS and the letters of a tiny alphabet."""

    bos_token, eos_token, pad_token_id, eos_token_id = "^", "$", 0, 2

    def __call__(self, text: str, add_special_tokens: bool, **_: object) -> dict[str, list[int]]:
        return {"input_ids": ["_^$abc".index(letter) for letter in text]}

    def decode(self, ids: list[int], **_: object) -> str:
        return "".join("_^$abc"[i] for i in ids)


def test_beams_escape_the_garden_path_that_greedy_takes(function_model) -> None:
    model, tokenizer = function_model(garden_path), LetterTokenizer()

    (greedy,) = generate(model, tokenizer, "^", SamplingParams(3, temperature=0))
    (best,) = beam_search(model, tokenizer, "^", num_beams=2, max_new_tokens=3)

    assert sum(greedy.logprobs) == pytest.approx(math.log(0.6 * 0.25))
    assert (best.text, best.finish_reason) == ("bc", "eos")
    assert best.score == pytest.approx(math.log(0.4) / 3)


@pytest.mark.parametrize(
    ("length_penalty", "best"), [(0.0, "a"), (1.0, "aaaa"), (0.5, "aaaa"), (-1.0, "a")]
)
def test_the_length_penalty_decides_between_short_and_long(
    function_model, length_penalty: float, best: str
) -> None:
    def long_or_short(ids: list[int]) -> Tensor:
        probs = torch.zeros(6)
        if len(ids) == 1:
            probs[3] = 1.0
        elif len(ids) < 5:
            probs[[2, 3]] = torch.tensor([0.45, 0.55] if len(ids) == 2 else [0.1, 0.9])
        else:
            probs[2] = 1.0
        return probs

    (one,) = beam_search(
        function_model(long_or_short),
        LetterTokenizer(),
        "^",
        num_beams=5,
        max_new_tokens=6,
        length_penalty=length_penalty,
    )

    assert one.text == best


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("seed", range(4))
def test_enough_beams_find_what_brute_force_finds(
    function_model, seed: int, length_penalty: float
) -> None:
    table = torch.randn(6, 6, generator=torch.Generator().manual_seed(seed)).mul(2).softmax(-1)
    table[:, :2] = 0  # neither padding nor BOS
    table /= table.sum(-1, keepdim=True)
    steps = 3

    def score(sequence: tuple[int, ...]) -> float:
        pairs = itertools.pairwise((1, *sequence))
        total = sum(table[a, b].log().item() for a, b in pairs)
        return total / len(sequence) ** length_penalty

    letters = (3, 4, 5)
    all_sequences = [
        (*body, end)
        for length in range(steps)
        for body in itertools.product(letters, repeat=length)
        for end in ((2,) if length < steps - 1 else (2, *letters))
    ]
    best = sorted(all_sequences, key=score, reverse=True)[:3]

    ours = beam_search(
        function_model(lambda ids: table[ids[-1]]),
        LetterTokenizer(),
        "^",
        num_beams=len(all_sequences),
        max_new_tokens=steps,
        length_penalty=length_penalty,
        num_return_sequences=3,
    )

    assert [tuple(one.token_ids) for one in ours] == best
    assert [one.score for one in ours] == pytest.approx([score(one) for one in best], abs=1e-5)


def test_one_beam_is_greedy(tiny_model, tokenizer) -> None:
    beams = beam_search(tiny_model, tokenizer, PROMPTS, num_beams=1, max_new_tokens=10)
    greedy = generate(tiny_model, tokenizer, PROMPTS, SamplingParams(10, temperature=0))

    assert [one.token_ids for one in beams] == [one.token_ids for one in greedy]


def test_a_prompt_in_a_batch_gets_what_it_would_get_alone(
    tiny_model, tokenizer, threads: int
) -> None:
    together = beam_search(tiny_model, tokenizer, PROMPTS, max_new_tokens=8)
    alone = [beam_search(tiny_model, tokenizer, one, max_new_tokens=8)[0] for one in PROMPTS]

    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    assert [one.prompt for one in together] == PROMPTS


def test_the_score_is_the_normalized_sum_of_the_logprobs(llama, tokenizer) -> None:
    ours = beam_search(
        llama, tokenizer, PROMPTS, max_new_tokens=8, length_penalty=0.5, num_return_sequences=4
    )

    for one in ours:
        expected = sum(one.logprobs) / len(one.token_ids) ** 0.5
        assert one.score == pytest.approx(expected, rel=1e-4)


def test_the_best_sequence_comes_first(llama, tokenizer) -> None:
    ours = beam_search(llama, tokenizer, "Hello", max_new_tokens=8, num_return_sequences=4)

    scores = [one.score for one in ours]
    assert scores == sorted(scores, reverse=True)
    assert len({tuple(one.token_ids) for one in ours}) == 4


def test_sequences_that_do_not_exist_are_not_invented(scripted_model, tokenizer) -> None:
    ours = beam_search(scripted_model("ab"), tokenizer, "x", num_beams=4, num_return_sequences=4)

    assert [one.text for one in ours] == ["ab"]


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"num_beams": 0}, "num_beams must be a whole number from 1, got 0"),
        ({"max_new_tokens": 0}, "max_new_tokens must be a whole number from 1, got 0"),
        ({"num_return_sequences": 0}, "from 1 to num_beams=4, got 0"),
        ({"num_beams": 2, "num_return_sequences": 3}, "from 1 to num_beams=2, got 3"),
    ],
)
def test_numbers_out_of_range_are_refused(
    llama, tokenizer, settings: dict[str, int], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        beam_search(llama, tokenizer, "a", **settings)


def test_an_empty_prompt_is_refused(llama, tokenizer) -> None:
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        beam_search(llama, tokenizer, ["a", ""])


def test_no_prompts_give_no_texts(llama, tokenizer) -> None:
    assert beam_search(llama, tokenizer, []) == []


def test_what_exceeds_the_context_is_refused(llama, tokenizer) -> None:
    with pytest.raises(ContextLengthError, match=r"64 together|65 together"):
        beam_search(llama, tokenizer, "a" * 60, max_new_tokens=5)
