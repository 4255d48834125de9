"""The generation loop: against transformers, batches, sampling, stopping, errors."""

from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from companion.errors import ContextLengthError
from companion.generation.batching import encode_prompts
from companion.generation.decoding import decode_steps, generate, shape_logits, stream
from companion.generation.params import SamplingParams
from companion.generation.sequences import GrowingSequence

PROMPTS = ["Hello", "a", "To be or not", "日本"]
GREEDY = SamplingParams(temperature=0, max_new_tokens=12)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def transformers_ids(model, tokenizer, prompts: list[str], **settings: object) -> list[list[int]]:
    """Run `model.generate` on a left-padded batch and return the new ids, padding removed."""
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    output = model.generate(**batch, do_sample=False, **settings)
    new = output[:, batch["input_ids"].shape[1] :].tolist()
    return [cut_after(row, settings.get("eos_token_id", [2])) for row in new]


def cut_after(row: list[int], eos: list[int]) -> list[int]:
    end = next((i for i, token in enumerate(row) if token in eos), len(row))
    return row[: end + 1]


@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no-cache"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"repetition_penalty": 1.4},
        {"repetition_penalty": 0.7},
        {"no_repeat_ngram_size": 1},
        {"no_repeat_ngram_size": 2},
        {"repetition_penalty": 1.1, "no_repeat_ngram_size": 3},
    ],
    ids=str,
)
def test_greedy_equals_transformers_on_a_padded_batch(
    tiny_model, tokenizer, settings: dict[str, float], use_cache: bool
) -> None:
    params = SamplingParams(temperature=0, max_new_tokens=12, **settings)

    ours = generate(tiny_model, tokenizer, PROMPTS, params, use_cache=use_cache)

    theirs = transformers_ids(tiny_model, tokenizer, PROMPTS, max_new_tokens=12, **settings)
    assert [one.token_ids for one in ours] == theirs


def test_rows_that_end_at_different_times_equal_transformers(tiny_model, tokenizer) -> None:
    eos = list(range(2, 30))  # so many that rows end early, at different steps
    prompts = [*PROMPTS, "x", "yz", "12", "!"]
    tiny_model.generation_config.eos_token_id = eos
    try:
        ours = generate(tiny_model, tokenizer, prompts, SamplingParams(40, temperature=0))
        theirs = transformers_ids(
            tiny_model, tokenizer, prompts, max_new_tokens=40, eos_token_id=eos
        )
    finally:
        tiny_model.generation_config.eos_token_id = 2

    lengths = {len(one.token_ids) for one in ours}
    assert [one.token_ids for one in ours] == theirs
    assert len(lengths) >= 3
    assert all((one.finish_reason == "eos") == (one.token_ids[-1] in eos) for one in ours)


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_a_row_of_a_batch_gets_what_it_would_get_alone(
    tiny_model, tokenizer, penalty: float, threads: int
) -> None:
    params = SamplingParams(temperature=0, max_new_tokens=12, repetition_penalty=penalty)

    together = generate(tiny_model, tokenizer, PROMPTS, params)
    alone = [generate(tiny_model, tokenizer, prompt, params)[0] for prompt in PROMPTS]

    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    assert [one.prompt for one in together] == PROMPTS
    for one, other in zip(together, alone, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)


def test_padding_is_not_penalized(function_model, tokenizer) -> None:
    def prefers_pad(ids: list[int]) -> Tensor:
        probs = torch.full((259,), 0.001)
        probs[0], probs[50] = 0.5, 0.45
        return probs

    params = SamplingParams(temperature=0, max_new_tokens=1, repetition_penalty=5.0)

    (_, short) = generate(function_model(prefers_pad), tokenizer, ["long prompt", "s"], params)

    assert short.token_ids == [0]


def test_greedy_takes_the_lowest_id_on_a_tie(uniform_model, tokenizer) -> None:
    ours = generate(uniform_model, tokenizer, ["ab", "c"], SamplingParams(3, temperature=0))

    assert [one.token_ids for one in ours] == [[0, 0, 0]] * 2


def test_logprobs_are_those_of_the_raw_model(function_model, tokenizer) -> None:
    probs = torch.full((259,), 0.5 / 258)
    probs[70] = 0.5
    model = function_model(lambda ids: probs)
    params = SamplingParams(2, temperature=3.0, top_k=1, repetition_penalty=1.01)

    (one,) = generate(model, tokenizer, "x", params, generator=seeded())

    assert one.token_ids == [70, 70]
    assert one.logprobs == pytest.approx([torch.tensor(0.5).log().item()] * 2, abs=1e-5)


# Sampling


def test_a_seed_makes_sampling_reproducible(tiny_model, tokenizer, threads: int) -> None:
    params = SamplingParams(12, top_k=50, top_p=0.9, n=2)

    first, second, other = (
        [x.token_ids for x in generate(tiny_model, tokenizer, PROMPTS, params, generator=g)]
        for g in (seeded(1), seeded(1), seeded(2))
    )

    assert first == second
    assert first != other


def test_sampling_is_the_same_with_and_without_cache(tiny_model, tokenizer) -> None:
    params = SamplingParams(12, temperature=0.8)

    runs = [
        generate(tiny_model, tokenizer, PROMPTS, params, generator=seeded(), use_cache=use_cache)
        for use_cache in (True, False)
    ]

    assert [one.text for one in runs[0]] == [one.text for one in runs[1]]


def test_prompts_added_behind_do_not_change_what_is_drawn(uniform_model, tokenizer) -> None:
    params = SamplingParams(8)

    small = generate(uniform_model, tokenizer, PROMPTS[:2], params, generator=seeded())
    large = generate(uniform_model, tokenizer, PROMPTS, params, generator=seeded())

    assert [one.token_ids for one in large[:2]] == [one.token_ids for one in small]


def test_every_step_draws_a_number_of_its_own(uniform_model, tokenizer) -> None:
    (one,) = generate(uniform_model, tokenizer, "a", SamplingParams(40), generator=seeded())

    assert len(set(one.token_ids)) > 30


def test_n_gives_different_continuations_in_the_order_of_the_prompts(
    uniform_model, tokenizer
) -> None:
    ours = generate(uniform_model, tokenizer, ["a", "bc"], SamplingParams(6, n=3))

    assert [one.prompt for one in ours] == ["a", "a", "a", "bc", "bc", "bc"]
    assert len({tuple(one.token_ids) for one in ours}) == 6


def test_n_greedy_continuations_are_all_the_same(llama, tokenizer) -> None:
    ours = generate(llama, tokenizer, "a", SamplingParams(6, temperature=0, n=2))

    assert ours[0] == ours[1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {10: 0.5, 11: 0.25, 12: 0.15, 13: 0.1}),
        ({"temperature": 0.5}, {10: 0.725, 11: 0.181, 12: 0.065, 13: 0.029}),
        ({"top_k": 2}, {10: 0.667, 11: 0.333}),
        ({"top_p": 0.8}, {10: 0.556, 11: 0.278, 12: 0.167}),
        ({"min_p": 0.4}, {10: 0.667, 11: 0.333}),
    ],
    ids=str,
)
def test_frequencies_follow_the_reshaped_distribution(
    function_model, tokenizer, settings: dict[str, float], expected: dict[int, float]
) -> None:
    probs = torch.zeros(259)
    probs[10:14] = torch.tensor([0.5, 0.25, 0.15, 0.1])
    params = SamplingParams(1, n=4000, **settings)

    ours = generate(function_model(lambda ids: probs), tokenizer, "x", params, generator=seeded())

    counts = Counter(one.token_ids[0] for one in ours)
    shares = {token: count / 4000 for token, count in counts.items()}
    assert shares == pytest.approx(expected, abs=0.025)


def test_filters_run_in_the_order_of_transformers() -> None:
    from transformers.generation import logits_process as oracle

    logits = torch.randn(2, 60, generator=seeded()) * 3
    ids = torch.randint(0, 60, (2, 20), generator=seeded(1))
    params = SamplingParams(
        temperature=1.7,
        top_k=30,
        top_p=0.9,
        min_p=0.05,
        repetition_penalty=1.5,
        no_repeat_ngram_size=1,
    )

    expected = logits
    for processor in [
        oracle.RepetitionPenaltyLogitsProcessor(1.5),
        oracle.NoRepeatNGramLogitsProcessor(1),
        oracle.TemperatureLogitsWarper(1.7),
        oracle.TopKLogitsWarper(30),
        oracle.TopPLogitsWarper(0.9),
        oracle.MinPLogitsWarper(0.05),
    ]:
        expected = processor(ids, expected)

    assert torch.equal(shape_logits(logits, ids, params), expected)


def test_the_processors_of_transformers_come_in_the_order_assumed_here(llama) -> None:
    from transformers import GenerationConfig

    config = GenerationConfig(
        do_sample=True,
        temperature=1.7,
        top_k=30,
        top_p=0.9,
        min_p=0.05,
        repetition_penalty=1.5,
        no_repeat_ngram_size=1,
    )
    processors = llama._get_logits_processor(config, input_ids_seq_length=1)

    assert [type(one).__name__ for one in processors] == [
        "RepetitionPenaltyLogitsProcessor",
        "NoRepeatNGramLogitsProcessor",
        "TemperatureLogitsWarper",
        "TopKLogitsWarper",
        "TopPLogitsWarper",
        "MinPLogitsWarper",
    ]


# Stopping


def test_eos_ends_the_text_and_is_not_part_of_it(scripted_model, tokenizer) -> None:
    (one,) = generate(scripted_model("four"), tokenizer, "x", GREEDY)

    assert (one.text, one.finish_reason) == ("four", "eos")
    assert one.token_ids[-1] == 2
    assert len(one.logprobs) == len(one.token_ids) == 5


def test_the_text_ends_at_max_new_tokens(scripted_model, tokenizer) -> None:
    (one,) = generate(scripted_model("four"), tokenizer, "x", SamplingParams(3, temperature=0))

    assert (one.text, one.finish_reason) == ("fou", "length")


def test_a_stop_string_may_span_tokens_and_is_cut_off(scripted_model, tokenizer) -> None:
    params = SamplingParams(temperature=0, stop=("\nQ:", "!"))

    (one,) = generate(scripted_model("4 is even\nQ: next"), tokenizer, "x", params)

    assert (one.text, one.finish_reason) == ("4 is even", "stop")
    assert len(one.token_ids) == len("4 is even\nQ:")


def test_a_row_that_stops_leaves_the_others_running(function_model, tokenizer) -> None:
    def counts_up(ids: list[int]) -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor(ids[-1] + 1), 259).float()

    params = SamplingParams(4, temperature=0, stop="d")

    ours = generate(function_model(counts_up), tokenizer, ["b", "xab", "p"], params)

    assert [one.text for one in ours] == ["c", "c", "qrst"]
    assert [one.finish_reason for one in ours] == ["stop", "stop", "length"]
    assert [len(one.token_ids) for one in ours] == [2, 2, 4]


def test_the_model_is_not_run_after_the_last_row_ended(scripted_model, tokenizer) -> None:
    model = scripted_model("ab")

    generate(model, tokenizer, "x", GREEDY)

    assert model.calls == 3


# Streaming


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("plain", (), ["p", "l", "a", "i", "n"]),
        ("日本", (), ["日", "本"]),
        ("né", (), ["n", "é"]),
        ("8\nQ: z", ("\nQ:",), ["8"]),
        ("8\nA", ("\nQ:",), ["8", "\nA"]),
        ("8\n", ("\nQ:",), ["8", "\n"]),
    ],
)
def test_pieces_are_whole_characters_without_stop_strings(
    scripted_model, tokenizer, text: str, stop: tuple[str, ...], expected: list[str]
) -> None:
    params = SamplingParams(temperature=0, stop=stop)

    assert list(stream(scripted_model(text), tokenizer, "x", params)) == expected


def test_a_character_cut_off_by_the_length_is_shown_as_unfinished(
    scripted_model, tokenizer
) -> None:
    params = SamplingParams(4, temperature=0)

    pieces = list(stream(scripted_model("日本"), tokenizer, "x", params))

    assert pieces == ["日", "\ufffd"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("stop", [(), ("e", "\x00\x01")])
def test_the_pieces_joined_are_the_text_of_generate(
    tiny_model, tokenizer, seed: int, stop: tuple[str, ...]
) -> None:
    params = SamplingParams(30, temperature=1.5, stop=stop)

    pieces = list(stream(tiny_model, tokenizer, "Hello", params, generator=seeded(seed)))
    (whole,) = generate(tiny_model, tokenizer, "Hello", params, generator=seeded(seed))

    assert "".join(pieces) == whole.text
    assert all(pieces)


def test_a_stream_can_be_closed_and_the_model_stops(scripted_model, tokenizer) -> None:
    model = scripted_model("a long text")
    pieces = stream(model, tokenizer, "x", GREEDY)

    next(pieces)
    pieces.close()

    assert model.calls == 1
    assert list(pieces) == []


def test_a_stream_returns_the_generation_at_its_end(scripted_model, tokenizer) -> None:
    pieces = stream(scripted_model("ab"), tokenizer, "x", GREEDY)

    def collect():
        ends.append((yield from pieces))

    ends = []
    texts = list(collect())

    assert texts == ["a", "b"]
    assert (ends[0].text, ends[0].finish_reason) == ("ab", "eos")


def test_streaming_leaves_gradients_switched_on_for_the_caller(llama, tokenizer) -> None:
    for _ in stream(llama, tokenizer, "x", SamplingParams(3, temperature=0)):
        assert torch.is_grad_enabled()


# Bad input


def test_no_prompts_give_no_texts(llama, tokenizer) -> None:
    assert generate(llama, tokenizer, []) == []


@pytest.mark.parametrize("call", [generate, stream])
def test_an_empty_prompt_is_refused(llama, tokenizer, call) -> None:
    with pytest.raises(ValueError, match=r"prompt 0 is empty.*pass '<s>'"):
        call(llama, tokenizer, "")


@pytest.mark.parametrize("call", [generate, stream])
def test_what_exceeds_the_context_is_refused(llama, tokenizer, call) -> None:
    with pytest.raises(ContextLengthError, match="60 tokens and max_new_tokens is 5: 65 together"):
        call(llama, tokenizer, "a" * 60, SamplingParams(5))


def test_a_request_that_fills_the_context_is_served(tiny_model, tokenizer) -> None:
    (one,) = generate(tiny_model, tokenizer, "a" * 60, SamplingParams(4, temperature=0))

    assert len(one.token_ids) == 4


def test_a_prompt_as_long_as_the_context_is_refused(llama, tokenizer) -> None:
    with pytest.raises(ContextLengthError, match="no room is left for a new token"):
        generate(llama, tokenizer, "a" * 64, SamplingParams(1))


def test_k_beyond_the_vocabulary_is_refused(llama, tokenizer) -> None:
    with pytest.raises(ValueError, match="from 1 to 259"):
        generate(llama, tokenizer, "a", SamplingParams(4, top_k=260))


def test_a_stream_of_several_texts_is_refused(llama, tokenizer) -> None:
    with pytest.raises(ValueError, match=r"n must be 1, got 2. Use generate"):
        stream(llama, tokenizer, "a", SamplingParams(n=2))


def test_a_ban_on_every_token_is_explained(function_model, tokenizer) -> None:
    def two_tokens(ids: list[int]) -> Tensor:
        probs = torch.zeros(259)
        probs[[10, 11]] = 0.5
        return probs

    params = SamplingParams(5, temperature=0, no_repeat_ngram_size=1)

    with pytest.raises(ValueError, match="every token is banned"):
        generate(function_model(two_tokens), tokenizer, "x", params)


def test_logits_that_are_not_numbers_are_explained(function_model, tokenizer) -> None:
    model = function_model(lambda ids: torch.full((259,), float("nan")))

    with pytest.raises(ValueError, match=r"not finite. If the model runs in float16"):
        generate(model, tokenizer, "x")


def test_a_row_that_ended_can_not_spoil_the_batch(function_model, tokenizer) -> None:
    def breaks_after_eos(ids: list[int]) -> Tensor:
        if ids[0] == 3 + ord("x") and len(ids) > 1:
            return torch.full((259,), float("nan"))
        return torch.nn.functional.one_hot(torch.tensor(2 if len(ids) == 1 else 50), 259).float()

    ours = generate(function_model(breaks_after_eos), tokenizer, ["x", "yy"], SamplingParams(4))

    assert [one.finish_reason for one in ours] == ["eos", "length"]


# The loop


class Waits(TorchDispatchMode):
    """Counts the numbers that are read from tensors one by one; each would wait for a GPU."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_loop_yields_what_it_appends(function_model, tokenizer, temperature: float) -> None:
    def ends_x_early(ids: list[int]) -> Tensor:
        probs = torch.full((259,), 0.5 / 258)
        probs[2 if ids[0] == 3 + ord("x") and len(ids) == 3 else 3 + ord("a")] = 0.5
        return probs

    params = SamplingParams(6, temperature=temperature, top_k=1)
    prompts = ["x", "yy", "x"]
    sequences = [GrowingSequence(text, tokenizer, params, {2}) for text in prompts]
    model, rows = function_model(ends_x_early), encode_prompts(tokenizer, prompts)

    steps = list(decode_steps(model, rows, sequences, params, seeded()))

    assert [[new is None for new in step] for step in steps] == (
        [[False] * 3] * 3 + [[True, False, True]] * 3
    )
    for row, sequence in enumerate(sequences):
        chosen = [step[row] for step in steps if step[row] is not None]
        assert [new.token for new in chosen] == sequence.token_ids
        assert [new.logprob for new in chosen] == sequence.logprobs


@pytest.mark.parametrize(
    "settings", [{"temperature": 0}, {"temperature": 0.8, "top_k": 20, "top_p": 0.9}], ids=str
)
def test_no_row_waits_for_the_device_by_itself(llama, tokenizer, settings) -> None:
    def waits(prompts: list[str], new_tokens: int) -> int:
        with Waits() as counted:
            generate(llama, tokenizer, prompts, SamplingParams(new_tokens, **settings))
        return counted.count

    llama.generation_config.eos_token_id = None
    try:
        assert waits(["ab"] * 9, 10) == waits(["ab"], 10) <= waits(["ab"], 1) + 9
    finally:
        llama.generation_config.eos_token_id = 2
