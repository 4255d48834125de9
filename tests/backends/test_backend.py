"""The interface of a backend, and what is done with any of them."""

from collections.abc import Iterator

import pytest

from companion.backends.backend import (
    Ending,
    Reading,
    Turns,
    check_backend,
    knowing,
    write,
    write_all,
)
from companion.backends.endpoint import EndpointBackend
from companion.generation.params import SamplingParams
from companion.reasoning import Reasoning
from companion.tools import Toolbox, ToolCall, run_tools
from companion.tools.calculator import calculator
from companion.tools.instruction import with_instruction

GREEDY = SamplingParams(temperature=0)
ASKED = [{"role": "user", "content": "What is 6 times 7?"}]
TOOLBOX = Toolbox([calculator])


class Five:
    """A backend in five lines."""

    context_length = 1000
    closed = 0

    def __init__(self, *turns: object) -> None:
        self.turns, self.seen = list(turns), []

    def count_tokens(self, messages: list[dict]) -> int:
        return sum(len(message["content"].split()) for message in messages)

    def stream(self, messages: list[dict], params: SamplingParams) -> Iterator[str]:
        self.seen.append(messages)
        return self._pieces(self.turns.pop(0))

    def _pieces(self, pieces: tuple) -> Iterator[str]:
        try:
            yield from pieces
        finally:
            self.closed += 1


def test_a_turn_is_read_whole() -> None:
    backend = Five(["41?", Reasoning("41?", takes_back=True), Reasoning("No."), "4", "2"])

    written = write(backend, ASKED, GREEDY)

    assert (written.text, written.reasoning, written.ending) == ("42", "41?\nNo.", Ending())
    assert written.turn() == {
        "role": "assistant",
        "content": "42",
        "reasoning_content": "41?\nNo.",
    }


def test_several_conversations_are_answered_in_their_order() -> None:
    backend = Five("ab", "cd")

    assert [one.text for one in write_all(backend, [ASKED, ASKED], GREEDY)] == ["ab", "cd"]


def test_a_model_here_answers_together_what_it_answers_alone(pocket) -> None:
    conversations = [
        [{"role": "user", "content": text}]
        for text in ("My name is Tavira.", "What is the capital of France?", "What can you do?")
    ]
    params = SamplingParams(temperature=0, max_new_tokens=8)

    together = pocket.write_all(conversations, params)

    assert together == [write(pocket, messages, params) for messages in conversations]
    assert {one.ending.finish for one in together} == {"stop", "length"}


def test_a_stream_is_closed_with_its_block() -> None:
    backend = Five("abc")

    stream = backend.stream(ASKED, GREEDY)  # kept, so that nothing but the block closes it
    with Reading(stream) as pieces:
        words = iter(pieces)
        assert next(words) == "a"

    assert backend.closed == 1
    assert pieces.value is None


def test_any_backend_calls_tools() -> None:
    call = ToolCall("calculator", {"expression": "6 * 7"}).text()
    backend = Five([call], ["It is ", "42."])

    run = run_tools(Turns(backend), ASKED, TOOLBOX)

    assert (run.answer, run.calls[0].value) == ("It is 42.", {"value": 42})
    first, second = backend.seen
    assert first == with_instruction(ASKED, TOOLBOX)
    assert second[-1]["content"].splitlines()[-3:-1] == [call, 'returned: {"value": 42}']
    assert knowing(backend, TOOLBOX).count_tokens(ASKED) == backend.count_tokens(first)


def test_an_endpoint_is_checked_without_being_asked() -> None:
    check_backend(EndpointBackend("http://127.0.0.1:9", "m"))
    check_backend(Five())


@pytest.mark.parametrize("odd", [None, "chat", object(), 3, {"context_length": 3}])
def test_what_is_no_backend_is_refused(odd: object) -> None:
    with pytest.raises(ValueError, match="backend must have context_length, count_tokens, stream"):
        check_backend(odd)
