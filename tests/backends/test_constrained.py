"""Constrained decoding: whatever the model wants, the call is valid. And the hook it hangs on."""

import math
from typing import Literal

import pytest
import torch

from companion.backends.constrained import CallConstraint
from companion.errors import ToolDefinitionError
from companion.generation.decoding import generate, stream
from companion.generation.params import SamplingParams
from companion.tools import Tool, Toolbox, ToolCall, parse_calls
from companion.tools.calculator import calculator
from companion.tools.weather import get_weather

PROMPTS = ["a", "a longer prompt"]
GREEDY = SamplingParams(temperature=0, max_new_tokens=120)
EOS, FIRST_BYTE, VOCAB = 2, 3, 259


def order(
    what: Literal["tea", "coffee"],
    cups: int,
    sugar: float,
    notes: list[str],
    hot: bool = True,
    price: int | None = None,
) -> str:
    """Order a drink.

    Args:
        what: The drink.
        cups: How many cups.
        sugar: Grams of sugar.
        notes: Wishes.
        hot: Whether it is hot.
        price: Most to pay.
    """
    return f"{cups} {what}"


def now() -> str:
    """Tell the time."""
    return "12:00"


ALL = Toolbox([order, now, calculator])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_first_byte(function_model, texts: dict[str, str], eos_id: int = EOS):
    """Build a model that insists on a text, which one depends on the first byte of the prompt.

    The prompt ends with the first ``:``. The model wants the first byte of its text that it has
    not been able to write yet, whatever it had to write instead.
    """

    def next_probs(ids: list[int]) -> torch.Tensor:
        colon = FIRST_BYTE + ord(":")
        text = texts[chr(ids[0] - FIRST_BYTE)] if ids[0] >= FIRST_BYTE else ""
        script = [FIRST_BYTE + byte for byte in text.encode()] + [eos_id]
        for token in ids[ids.index(colon) + 1 :] if colon in ids else []:
            if token == script[0] and len(script) > 1:
                script.pop(0)
        probs = torch.full((VOCAB,), 1e-6)
        probs[script[0]] = 1.0
        return probs

    return function_model(next_probs)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", ["call", "call or answer"])
def test_a_model_without_any_idea_writes_valid_calls(uniform_model, tokenizer, mode, seed) -> None:
    toolbox = ALL.only("now", "calculator")
    constraint = CallConstraint(uniform_model, tokenizer, toolbox, mode=mode, max_string=8)
    params = SamplingParams(max_new_tokens=110, temperature=1)

    texts = generate(
        uniform_model, tokenizer, PROMPTS, params, generator=seeded(seed), logits_filter=constraint
    )

    for one in texts:
        calls = parse_calls(one.text)
        assert [toolbox.check(call) for call in calls] == [None] * len(calls)
        assert len(calls) == 1 or mode == "call or answer"
        assert one.finish_reason == "eos" or not calls


def test_every_part_of_a_schema_is_kept(uniform_model, tokenizer) -> None:
    toolbox = ALL.only("order")
    constraint = CallConstraint(uniform_model, tokenizer, toolbox, mode="call", max_string=3)
    params = SamplingParams(max_new_tokens=300, n=3)

    texts = generate(
        uniform_model, tokenizer, "a", params, generator=seeded(0), logits_filter=constraint
    )

    results = [toolbox.run(parse_calls(one.text)[0]) for one in texts]
    assert {result.outcome for result in results} == {"ok"}
    assert {result.value.split()[1] for result in results} == {"tea", "coffee"}


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        ('{"name": "now", "arguments": {}}', '{"name": "now", "arguments": {}}'),
        ('{"name":"now","arguments":{}}', '{"name": "now", "arguments": {}}'),
        ('{"name":"now"}', '{"name": "now", "arguments": {}}'),
        ("Noon.", "Noon."),
        ("Two\n\nlines: <b>.", "Two\n\nlines: <b>."),
    ],
)
def test_what_is_allowed_is_written_as_it_is_and_the_rest_is_bent(
    function_model, tokenizer, wanted: str, written: str
) -> None:
    model = by_first_byte(function_model, {"a": wanted})
    constraint = CallConstraint(model, tokenizer, ALL)

    (found,) = generate(model, tokenizer, "a:", GREEDY, logits_filter=constraint)

    assert found.text == written
    assert found.finish_reason == "eos"


@pytest.mark.parametrize("beginning", ["{", "[", "<tool_call>", "`", " ", "\n"])
def test_an_answer_can_not_begin_like_a_call(function_model, tokenizer, beginning: str) -> None:
    model = by_first_byte(function_model, {"a": beginning + "x"})
    constraint = CallConstraint(model, tokenizer, ALL.only("now"))
    params = SamplingParams(temperature=0, max_new_tokens=60)

    (found,) = generate(model, tokenizer, "a:", params, logits_filter=constraint)

    assert not found.text.startswith(beginning + "x")
    for call in parse_calls(found.text):
        assert ALL.check(call) is None


def test_an_answer_can_not_turn_into_a_call_later(function_model, tokenizer) -> None:
    model = by_first_byte(function_model, {"a": "Well.\n<tool_call>{}"})

    (found,) = generate(
        model, tokenizer, "a:", GREEDY, logits_filter=CallConstraint(model, tokenizer, ALL)
    )

    assert found.text.startswith("Well.\n")
    assert parse_calls(found.text) == []


def test_a_forced_call_leaves_no_answer(function_model, tokenizer) -> None:
    model = by_first_byte(function_model, {"a": "Noon."})
    constraint = CallConstraint(model, tokenizer, ALL.only("now"), mode="call")

    (found,) = generate(model, tokenizer, "a:", GREEDY, logits_filter=constraint)

    assert parse_calls(found.text) == [ToolCall("now")]


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_row_that_has_ended_does_not_disturb_the_others(
    function_model, tokenizer, temperature: float
) -> None:
    long = ToolCall("calculator", {"expression": "1 + 2 + 3"}).text()
    model = by_first_byte(function_model, {"a": "Yes.", "b": long, "c": "No, never."})
    constraint = CallConstraint(model, tokenizer, ALL)
    params = SamplingParams(max_new_tokens=100, temperature=temperature)
    prompts = ["a:", "b, a much longer prompt:", "c, one more:"]

    together = generate(
        model, tokenizer, prompts, params, generator=seeded(1), logits_filter=constraint
    )

    assert [one.text for one in together] == ["Yes.", long, "No, never."]
    assert [one.finish_reason for one in together] == ["eos"] * 3


def test_one_constraint_serves_one_generation_after_the_other(function_model, tokenizer) -> None:
    long = ToolCall("calculator", {"expression": "1"}).text()
    model = by_first_byte(function_model, {"a": long, "b": "No."})
    constraint = CallConstraint(model, tokenizer, ALL)

    found = [
        one.text
        for prompts in (["a:"], ["b:"], ["a:", "b:"], ["b:", "a:"])
        for one in generate(model, tokenizer, prompts, GREEDY, logits_filter=constraint)
    ]

    assert found == [long, "No.", long, "No.", "No.", long]


def test_each_sequence_can_have_its_own_tools(uniform_model, tokenizer) -> None:
    boxes = [ALL.only("now"), Toolbox([get_weather])]
    constraint = CallConstraint(uniform_model, tokenizer, boxes, mode="call", max_string=5)
    params = SamplingParams(max_new_tokens=100)

    texts = generate(uniform_model, tokenizer, PROMPTS, params, logits_filter=constraint)

    assert [parse_calls(one.text)[0].name for one in texts] == ["now", "get_weather"]
    with pytest.raises(ValueError, match="2 grammars for 1 sequences"):
        generate(uniform_model, tokenizer, "a", params, logits_filter=constraint)


def test_streaming_is_constrained_too(function_model, tokenizer) -> None:
    model = by_first_byte(function_model, {"a": '{"name":"now"}'})
    constraint = CallConstraint(model, tokenizer, ALL)

    pieces = list(stream(model, tokenizer, "a:", GREEDY, logits_filter=constraint))

    assert "".join(pieces) == ToolCall("now").text()
    assert len(pieces) > 1


def test_several_calls_on_lines_of_their_own(function_model, tokenizer) -> None:
    two = "\n".join(ToolCall("calculator", {"expression": e}).text() for e in ("1", "2"))
    model = by_first_byte(function_model, {"a": f"{two}\n{two}"})

    for most, expected in ((1, 1), (2, 2), (3, 3)):
        constraint = CallConstraint(model, tokenizer, ALL, max_calls=most)
        params = SamplingParams(temperature=0, max_new_tokens=230)
        (found,) = generate(model, tokenizer, "a:", params, logits_filter=constraint)
        assert len(parse_calls(found.text)) == expected


def test_calls_can_stand_between_tags(function_model, tokenizer) -> None:
    model = by_first_byte(function_model, {"a": '<tool_call>{"name": "now"}</tool_call>'})
    constraint = CallConstraint(
        model, tokenizer, ALL, opening="<tool_call>\n", closing="\n</tool_call>"
    )

    (found,) = generate(model, tokenizer, "a:", GREEDY, logits_filter=constraint)

    assert found.text == f"<tool_call>\n{ToolCall('now').text()}\n</tool_call>"
    assert parse_calls(found.text) == [ToolCall("now")]


def test_a_name_with_every_allowed_character_can_be_called(uniform_model, tokenizer) -> None:
    toolbox = Toolbox([Tool.from_function(now, name="a-B_9")])
    constraint = CallConstraint(uniform_model, tokenizer, toolbox, mode="call")

    (found,) = generate(
        uniform_model, tokenizer, "a", SamplingParams(max_new_tokens=60), logits_filter=constraint
    )

    assert parse_calls(found.text) == [ToolCall("a-B_9")]


def test_strings_come_to_an_end(function_model, tokenizer) -> None:
    def chatty(ids: list[int]) -> torch.Tensor:
        probs = torch.full((VOCAB,), 1e-6)
        probs[FIRST_BYTE + ord("z")] = 1.0
        return probs

    model = function_model(chatty)
    constraint = CallConstraint(model, tokenizer, Toolbox([get_weather]), mode="call", max_string=9)

    (found,) = generate(model, tokenizer, "a", GREEDY, logits_filter=constraint)

    assert parse_calls(found.text) == [ToolCall("get_weather", {"city": "z" * 9})]


def test_tokens_that_the_tokenizer_does_not_know_are_removed(uniform_model, tokenizer) -> None:
    constraint = CallConstraint(uniform_model, tokenizer, ALL)

    for width in (VOCAB + 41, VOCAB - 100):
        allowed = constraint(torch.zeros(1, width), [[]])
        assert allowed.shape == (1, width)
        assert allowed[0, FIRST_BYTE + ord("{")] == 0
        assert allowed[0, VOCAB:].isneginf().all()


def test_it_changes_neither_its_input_nor_a_row_that_has_ended(uniform_model, tokenizer) -> None:
    constraint = CallConstraint(uniform_model, tokenizer, ALL, mode="call")
    logits = torch.zeros(2, VOCAB)

    found = constraint(logits, [[FIRST_BYTE + ord("x"), EOS], []])

    assert (logits == 0).all()
    assert (found[0] == 0).all()
    assert found[1].isfinite().nonzero().flatten().tolist() == [FIRST_BYTE + ord("{")]


def test_tokens_that_do_not_fit_are_an_error(uniform_model, tokenizer) -> None:
    constraint = CallConstraint(uniform_model, tokenizer, ALL, mode="call")

    with pytest.raises(ValueError, match="does not fit the grammar"):
        constraint(torch.zeros(1, VOCAB), [[FIRST_BYTE + ord("x")]])


def test_unknown_modes_and_numbers_are_refused(uniform_model, tokenizer) -> None:
    with pytest.raises(ValueError, match="mode must be one of 'call', 'call or answer', got 'x'"):
        CallConstraint(uniform_model, tokenizer, ALL, mode="x")
    with pytest.raises(ValueError, match="max_calls must be a whole number from 1, got 0"):
        CallConstraint(uniform_model, tokenizer, ALL, max_calls=0)


def test_a_tokenizer_that_is_not_fast_is_refused(uniform_model) -> None:
    class Slow:
        is_fast, eos_token_id = False, 2

    with pytest.raises(ValueError, match="needs a fast tokenizer"):
        CallConstraint(uniform_model, Slow(), ALL)


def test_a_model_that_never_ends_a_text_is_refused(function_model) -> None:
    class Endless:
        is_fast, eos_token_id = True, None

    model = function_model(lambda ids: torch.ones(VOCAB), eos_id=None)

    with pytest.raises(ValueError, match="a token that ends a text"):
        CallConstraint(model, Endless(), ALL)


def test_a_schema_that_no_grammar_can_be_made_from_is_refused(uniform_model, tokenizer) -> None:
    parameters = {"type": "object", "properties": {"x": {"type": "string", "pattern": "(?=a)b"}}}
    toolbox = Toolbox([Tool("f", "Do it.", parameters | {"additionalProperties": False}, now)])

    with pytest.raises(ToolDefinitionError, match="no grammar can be made"):
        CallConstraint(uniform_model, tokenizer, toolbox)


# The hook in the generation loop.


def without(token: int):
    def logits_filter(logits: torch.Tensor, token_ids: list[list[int]]) -> torch.Tensor:
        logits = logits.clone()
        logits[:, token] = float("-inf")
        return logits

    return logits_filter


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_filter_that_changes_nothing_changes_nothing(llama, tokenizer, temperature) -> None:
    params = SamplingParams(max_new_tokens=6, temperature=temperature)

    plain, filtered = (
        generate(llama, tokenizer, PROMPTS, params, generator=seeded(3), logits_filter=one)
        for one in (None, lambda logits, token_ids: logits)
    )

    assert plain == filtered


def test_a_filter_sees_the_tokens_of_every_row(llama, tokenizer) -> None:
    seen = []

    def watch(logits: torch.Tensor, token_ids: list[list[int]]) -> torch.Tensor:
        seen.append((tuple(logits.shape), token_ids))
        return logits

    params = SamplingParams(max_new_tokens=3, temperature=0)
    texts = generate(llama, tokenizer, PROMPTS, params, logits_filter=watch)

    assert [shape for shape, _ in seen] == [(2, VOCAB)] * len(seen)
    assert [ids for _, ids in seen] == [[one.token_ids[:t] for one in texts] for t in range(3)]


@pytest.mark.parametrize("params", [{"temperature": 0}, {"top_k": 1}, {"top_p": 0.01}])
def test_the_other_filters_choose_among_what_is_left(function_model, tokenizer, params) -> None:
    favorite, second = FIRST_BYTE + ord("x"), FIRST_BYTE + ord("y")
    probs = torch.full((VOCAB,), 1e-4)
    probs[favorite], probs[second] = 0.6, 0.4
    model = function_model(lambda ids: probs)

    (found,) = generate(
        model,
        tokenizer,
        "a",
        SamplingParams(max_new_tokens=4, **params),
        logits_filter=without(favorite),
    )

    assert found.text == "yyyy"
    assert found.logprobs[0] == pytest.approx(math.log(0.4 / probs.sum()), abs=1e-4)  # raw


def test_a_filter_that_leaves_nothing_is_an_error(llama, tokenizer) -> None:
    with pytest.raises(ValueError, match=r"every token is banned: .*logits_filter"):
        generate(
            llama,
            tokenizer,
            "a",
            SamplingParams(temperature=0, max_new_tokens=2),
            logits_filter=lambda logits, ids: torch.full_like(logits, float("-inf")),
        )
