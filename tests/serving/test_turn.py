"""A turn while it is written: reasoning, text and calls, in pieces of any size."""

import json
import random

import pytest

from companion.serving.turn import GrowingTurn

CALL = '{"name": "f", "arguments": {"x": "é"}}'


def deltas(text: str, *, size: int = 1, tools: bool = True, opening: str = "") -> tuple:
    turn = GrowingTurn(opening, tools=tools)
    found = []
    for start in range(0, len(text), size):
        found += turn.add(text[start : start + size])
    found += turn.end()
    return found, turn


def said(found: list) -> str:
    return "".join(delta.get("content", "") for delta in found)


def called(found: list) -> list:
    return [call for delta in found for call in delta.get("tool_calls", [])]


def test_text_is_handed_out_at_once() -> None:
    found, turn = deltas("Hello you", tools=False)

    assert [delta["content"] for delta in found] == list("Hello you")
    assert turn.said == "Hello you"


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_call_is_held_back_and_handed_out_whole(size: int) -> None:
    found, turn = deltas(CALL, size=size)

    (call,) = called(found)
    assert said(found) == ""
    assert call["function"]["name"] == "f"
    assert json.loads(call["function"]["arguments"]) == {"x": "é"}
    assert call["id"].startswith("call_")
    assert turn.called


def test_two_calls_have_numbers_and_names_of_their_own() -> None:
    found, _ = deltas(f"{CALL}\n{CALL}")

    assert [call["index"] for call in called(found)] == [0, 1]
    assert len({call["id"] for call in called(found)}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "{not a call",
        '[1] says "no".',
        "<b>bold</b>",
        "`code` and more",
        '{"name": "f", "arguments": {"x": 1',
        f"I would write {CALL}",
        "see <tool_call> in the manual",
        "  blank",
        "",
    ],
)
def test_what_is_no_call_in_the_end_is_text(text: str) -> None:
    found, turn = deltas(text)

    assert said(found) == text
    assert called(found) == []
    assert turn.said == text
    assert not turn.called


def test_words_before_a_tagged_call_are_shown_and_the_tag_is_not() -> None:
    found, turn = deltas(f"Let me see.\n<tool_call>\n{CALL}\n</tool_call>")

    assert said(found) == "Let me see.\n"
    assert len(called(found)) == 1
    assert turn.called


def test_a_call_without_tools_is_text() -> None:
    found, _ = deltas(CALL, tools=False)

    assert said(found) == CALL


def test_reasoning_is_kept_apart() -> None:
    found, _ = deltas("<think>6 x 7</think>\n\nIt is 42.")

    assert {"reasoning_content": "6 x 7"} in found
    assert said(found) == "It is 42."


def test_reasoning_that_the_prompt_has_opened_is_kept_apart() -> None:
    found, _ = deltas("6 x 7</think>It is 42.", opening="<think>")

    assert {"reasoning_content": "6 x 7"} in found
    assert said(found) == "It is 42."


def test_pieces_of_any_size_say_the_same() -> None:
    draw = random.Random(0)
    texts = ["Hello.", CALL, f"Yes.\n<tool_call>{CALL}</tool_call>", "<think>a</think>b", "a < b"]
    for text in texts:
        whole, _ = deltas(text, size=len(text))
        for _ in range(20):
            turn, found, at = GrowingTurn(tools=True), [], 0
            while at < len(text):
                step = draw.randint(1, 5)
                found += turn.add(text[at : at + step])
                at += step
            found += turn.end()

            assert said(found) == said(whole)
            assert [call["function"] for call in called(found)] == [
                call["function"] for call in called(whole)
            ]
