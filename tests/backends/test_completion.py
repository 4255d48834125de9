"""The answer as it comes over the line; `test_quirks` has what servers make of it."""

import json

import pytest

from companion.backends.backend import Reading
from companion.backends.completion import read_answer, read_events
from companion.reasoning import Reasoning


def event(delta: dict, end: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


OK = event({"content": "ok"}) + event({}, "stop") + "data: [DONE]\n\n"


@pytest.mark.parametrize("size", [1, 2, 7])
def test_an_answer_can_be_cut_anywhere(size: int) -> None:
    data = (event({"content": "é🙂\\"}) + OK).encode()
    chunks = [data[at : at + size] for at in range(0, len(data), size)]

    assert list(read_answer(chunks)) == ["é🙂\\", "ok"]


def test_an_event_may_have_several_lines() -> None:
    assert list(read_events([b'data: {"a":\ndata: 1}\n\n: end\n\n'])) == [{"a": 1}]


def test_calls_stand_in_what_a_stream_returns() -> None:
    calls = {
        "tool_calls": [{"index": 0, "id": "a", "function": {"name": "calculator"}}],
        "reasoning": "Hm",
    }

    answer = Reading(read_answer([(event(calls) + event({}, "tool_calls")).encode()]))

    assert list(answer) == [Reasoning("Hm")]
    assert answer.value.finish == "tool_calls"
    assert answer.value.tool_calls[0]["function"] == {"name": "calculator", "arguments": ""}
