"""Turns of a conversation: the whole answer and its pieces say the same."""

import json

import pytest

from companion.generation.params import SamplingParams
from companion.serving.batch import Part, Token
from companion.serving.chat_answer import ChatAnswer
from companion.serving.chat_request import ChatRequest
from companion.serving.order import Order, Served

CALL = '{"name": "f", "arguments": {"x": "é"}}'


@pytest.fixture
def served_fake(uniform_model, tokenizer) -> Served:
    return Served(uniform_model, tokenizer, "small")


def answer(
    served: Served, *, n: int = 1, top: int | None = None, opening: str = "", tools: bool = False
) -> ChatAnswer:
    order = Order(["T"], [[9]], SamplingParams(n=n), seed=0, top=top)
    return ChatAnswer(ChatRequest(order, opening, tools, False, False), served)


def parts(text: str, row: int = 0, finish: str = "eos") -> list[Part]:
    """A part for each letter."""
    ends = [None] * (len(text) - 1) + [finish]
    return [
        Part(row, letter, Token(3 + letter.encode()[0], -0.5, [(100, -0.5)]), end)
        for letter, end in zip(text, ends, strict=True)
    ]


def whole(made: ChatAnswer, *given: Part) -> list[dict]:
    for part in given:
        for _ in made.deltas(part):
            pass
    return made.whole()["choices"]


def test_each_turn_has_a_choice(served_fake: Served) -> None:
    made = answer(served_fake, n=2)

    first, second = whole(made, *parts("Hi"), *parts("No", 1, "length"))

    assert first == {
        "index": 0,
        "message": {"role": "assistant", "content": "Hi", "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert (second["message"]["content"], second["finish_reason"]) == ("No", "length")
    assert made.whole()["usage"] == {
        "prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5,
    }  # fmt: skip


def test_a_call_is_no_content_and_ends_as_one(served_fake: Served) -> None:
    (choice,) = whole(answer(served_fake, tools=True), *parts(CALL))

    (call,) = choice["message"]["tool_calls"]
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "tool_calls"
    assert call.keys() == {"id", "type", "function"}
    assert json.loads(call["function"]["arguments"]) == {"x": "é"}


def test_reasoning_is_kept_apart(served_fake: Served) -> None:
    (choice,) = whole(answer(served_fake, opening="<think>"), *parts("6 x 7</think>42"))

    assert choice["message"]["reasoning_content"] == "6 x 7"
    assert choice["message"]["content"] == "42"


@pytest.mark.parametrize("text", ["Hello you", CALL, "<think>a</think>b"])
def test_a_stream_says_what_the_whole_answer_says(served_fake: Served, text: str) -> None:
    message = whole(answer(served_fake, tools=True), *parts(text))[0]["message"]
    made = answer(served_fake, tools=True)

    chunks = [*made.first(), *(chunk for part in parts(text) for chunk in made.chunks(part))]

    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(one.get("content", "") for one in deltas) == (message["content"] or "")
    told = "".join(one.get("reasoning_content", "") for one in deltas)
    assert told == message.get("reasoning_content", "")
    calls = [call["function"] for one in deltas for call in one.get("tool_calls", [])]
    assert calls == [call["function"] for call in message.get("tool_calls", [])]
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert finishes[-1] == ("tool_calls" if calls else "stop")
    assert set(finishes[:-1]) == {None}
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert made.last()["choices"] == []


def test_each_token_is_told_once_with_its_alternatives(served_fake: Served) -> None:
    made = answer(served_fake, top=1, tools=True)
    chunks = [chunk for part in parts(CALL) for chunk in made.chunks(part)]

    told = [
        token
        for chunk in chunks
        for token in (chunk["choices"][0]["logprobs"] or {"content": []})["content"]
    ]
    assert len(told) == len(CALL)
    assert told[0] == {
        "token": "{", "logprob": -0.5, "bytes": [123],
        "top_logprobs": [{"token": "a", "logprob": -0.5, "bytes": [97]}],
    }  # fmt: skip
    part = told[CALL.index("é")]
    assert (part["token"], part["bytes"]) == ("\ufffd", None)


def test_reasoning_in_two_places_is_kept_together(served_fake: Served) -> None:
    (choice,) = whole(answer(served_fake), *parts("<think>a</think><think>b</think>c"))

    assert choice["message"]["reasoning_content"] == "ab"
    assert choice["message"]["content"] == "c"
