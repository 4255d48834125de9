"""Pocket-chat on held-out requests: the figures of the book, free and constrained."""

import json

import pytest
import torch

from companion.backends.constrained import CallConstraint
from companion.backends.local import LocalTurns
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.pocket.corpus import demonstrations
from companion.tools import Toolbox, ToolCall, parse_calls, run_tools
from companion.tools.calculator import calculator
from companion.tools.evaluation import CallEvaluation, evaluate_calls
from companion.tools.weather import get_weather, observations


def search(query: str) -> None:
    """Search.

    Args:
        query: Words.
    """


def set_timer(minutes: int) -> None:
    """Start a timer.

    Args:
        minutes: Minutes.
    """


def send_message(to: str, text: str) -> None:
    """Send a message.

    Args:
        to: To whom.
        text: What to say.
    """


ALL = Toolbox([get_weather, calculator, search, set_timer, send_message])


def drawn(count: int) -> tuple[list[list[dict]], list[ToolCall | None], list[Toolbox]]:
    """Return held-out requests, the right call of each, and the tools that it declares."""
    records = demonstrations.records(2026, "eval", count, kind="tools")
    conversations = [record["messages"] for record in records]
    wanted = [next(iter(parse_calls(turns[2]["content"])), None) for turns in conversations]
    boxes = []
    for turns in conversations:
        declared = json.loads(turns[0]["content"].removeprefix(demonstrations.TOOLS_PROMPT))
        boxes.append(ALL.only(*(tool["name"] for tool in declared)))
        assert boxes[-1].system_text() == turns[0]["content"]
    return [turns[:2] for turns in conversations], wanted, boxes


def evaluated(chat, count: int, temperature: float, mode: str | None) -> CallEvaluation:
    conversations, wanted, boxes = drawn(count)
    prompts = [prompt_text(chat.tokenizer, turns) for turns in conversations]
    params = SamplingParams(max_new_tokens=256, temperature=temperature)
    generator, texts = torch.Generator().manual_seed(0), []
    for at in range(0, count, 50):
        constraint = mode and CallConstraint(*chat, boxes[at : at + 50], mode=mode)
        texts += generate(
            *chat, prompts[at : at + 50], params, generator=generator, logits_filter=constraint
        )
    return evaluate_calls([one.text for one in texts], wanted, boxes)


@pytest.mark.parametrize("mode", [None, "call or answer"])
@pytest.mark.slow
def test_tool_choice_and_arguments_on_200_held_out_requests(chat, mode) -> None:
    found = evaluated(chat, 200, 0, mode)

    assert found.valid.share == 1
    assert found.tool.share >= 0.95
    assert found.arguments.share >= 0.90


@pytest.mark.slow
def test_when_it_is_hot_only_the_constraint_keeps_calls_valid(chat) -> None:
    free = evaluated(chat, 200, 1.5, None)
    constrained = evaluated(chat, 200, 1.5, "call or answer")

    assert free.valid.right < 195
    assert constrained.valid.right == 200
    assert constrained.tool.share > free.tool.share


def test_a_hot_batch_of_two_is_valid_with_the_constraint(chat) -> None:
    conversations, _, boxes = drawn(2)
    prompts = [prompt_text(chat.tokenizer, turns) for turns in conversations]
    assert len(prompts[0]) != len(prompts[1])

    for temperature in (0, 1, 3):
        constraint = CallConstraint(*chat, boxes, mode="call", max_string=20)
        params = SamplingParams(max_new_tokens=120, temperature=temperature)
        generator = torch.Generator().manual_seed(0)
        texts = generate(*chat, prompts, params, generator=generator, logits_filter=constraint)
        for one, box in zip(texts, boxes, strict=True):
            (call,) = parse_calls(one.text)
            assert one.finish_reason == "eos"
            assert box.check(call) is None


def test_the_constraint_does_not_change_a_right_call(chat) -> None:
    conversations, _, boxes = drawn(6)
    prompts = [prompt_text(chat.tokenizer, turns) for turns in conversations]
    params = SamplingParams(max_new_tokens=96, temperature=0)

    free = generate(*chat, prompts, params)
    constrained = generate(*chat, prompts, params, logits_filter=CallConstraint(*chat, boxes))

    assert [one.text for one in free] == [one.text for one in constrained]


def ask(chat, request: str) -> str:
    turns = LocalTurns(*chat, mode="call or answer")
    toolbox = Toolbox([get_weather, calculator])
    return run_tools(turns, [{"role": "user", "content": request}], toolbox).answer


@pytest.mark.parametrize("city", ["Oslo", "Nairobi", "Addis Ababa"])
def test_from_the_request_to_the_answer_with_real_weather(chat, city: str) -> None:
    seen = observations()[city]

    answer = ask(chat, f"What is the weather in {city}?")

    assert answer == f"In {city} it is {seen['sky']} and {seen['temperature']} degrees Celsius."


def test_from_the_request_to_the_answer_with_the_real_calculator(chat) -> None:
    assert ask(chat, "How much is 417 - 598?") == "The result is -181."
