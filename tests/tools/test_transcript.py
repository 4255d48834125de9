"""Tool calls in a conversation: as text, as objects, from pieces of a stream."""

import json

import pytest

from companion.tools import ToolCall, parse_calls, parse_tool_calls
from companion.tools.transcript import (
    UNREADABLE,
    calls_as_objects,
    calls_as_text,
    calls_for_template,
    join_parts,
)

ASKED = {"role": "user", "content": "6 x 7, and the weather?"}
SUM, WEATHER = ToolCall("calculator", {"expression": "6 * 7"}), ToolCall("get_weather", {"c": "é"})
ANSWER = {"role": "assistant", "content": "42, and it rains."}


def entry(call: ToolCall, call_id: str | None) -> dict:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call_id, "type": "function", "function": function}


AS_TEXT = [
    ASKED,
    {"role": "assistant", "content": f"{SUM.text()}\n{WEATHER.text()}"},
    {"role": "tool", "content": "42"},
    {"role": "tool", "content": "rain"},
    ANSWER,
]
AS_OBJECTS = [
    ASKED,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [entry(SUM, "a"), entry(WEATHER, "b")],
    },
    {"role": "tool", "content": "42", "tool_call_id": "a"},
    {"role": "tool", "content": "rain", "tool_call_id": "b"},
    ANSWER,
]


def test_objects_become_text_that_the_parser_reads() -> None:
    assert calls_as_text(AS_OBJECTS) == AS_TEXT
    assert parse_calls(calls_as_text(AS_OBJECTS)[1]["content"]) == [SUM, WEATHER]


def test_text_becomes_objects_whose_results_belong_to_them() -> None:
    told = calls_as_objects(AS_TEXT)

    calls = parse_tool_calls(told[1]["tool_calls"])
    assert [(one.name, one.arguments) for one in calls] == [
        (one.name, one.arguments) for one in (SUM, WEATHER)
    ]
    assert [one["tool_call_id"] for one in told[2:4]] == [one.call_id for one in calls]
    assert len({one.call_id for one in calls}) == 2
    assert told[1]["content"] is None
    assert (told[0], told[4]) == (ASKED, ANSWER)


def test_each_form_is_left_as_it_is_if_it_is_the_right_one() -> None:
    assert calls_as_text(AS_TEXT) == AS_TEXT
    assert calls_as_objects(AS_OBJECTS) == AS_OBJECTS


def test_identifiers_are_distinct_in_a_long_conversation() -> None:
    told = calls_as_objects([*AS_TEXT, *AS_OBJECTS, *AS_TEXT])

    ids = [one["tool_call_id"] for one in told if one["role"] == "tool"]
    called = [call["id"] for one in told for call in one.get("tool_calls", ())]
    assert ids == called
    assert len(set(ids)) == 6


def test_results_out_of_order_keep_their_identifiers() -> None:
    swapped = [*AS_OBJECTS[:2], AS_OBJECTS[3], AS_OBJECTS[2]]

    assert calls_as_objects(swapped) == swapped


def test_calls_without_identifier_get_one() -> None:
    messages = [ASKED, {**AS_OBJECTS[1], "tool_calls": [entry(SUM, None)]}, AS_TEXT[2]]

    told = calls_as_objects(messages)

    assert told[1]["tool_calls"][0]["id"] == told[2]["tool_call_id"] == "companion_1_0"
    assert messages[1]["tool_calls"][0]["id"] is None


def test_an_answer_that_quotes_a_call_is_no_call() -> None:
    quoting = [ASKED, {"role": "assistant", "content": SUM.text()}, ASKED]

    assert calls_as_objects(quoting) == quoting


def test_words_beside_a_call_are_kept() -> None:
    messages = [ASKED, {**AS_OBJECTS[1], "content": "I will look."}, *AS_OBJECTS[2:]]

    assert calls_as_text(messages)[1]["content"] == f"I will look.\n{AS_TEXT[1]['content']}"
    assert calls_as_objects(messages)[1]["content"] == "I will look."


def test_a_call_that_can_not_be_read_is_shown_as_it_is() -> None:
    broken = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{bro"}}
    messages = [ASKED, {"role": "assistant", "content": None, "tool_calls": [broken]}]
    error = {"role": "tool", "content": '{"error": "not JSON"}'}

    assert "{bro" in calls_as_text(messages)[1]["content"]
    told = calls_as_objects([ASKED, {"role": "assistant", "content": '{"name": "f", bro'}, error])
    assert told[1]["tool_calls"][0]["function"] == {
        "name": UNREADABLE,
        "arguments": json.dumps({"text": '{"name": "f", bro'}),
    }
    assert told[2]["tool_call_id"] == told[1]["tool_calls"][0]["id"]


@pytest.mark.parametrize(
    "call",
    [
        3,
        None,
        [],
        {},
        {"type": "function"},
        {"function": 3},
        {"function": {"name": 3, "arguments": "{}"}},
        {"id": 5, "function": {"name": "f", "arguments": 3}},
    ],
)
def test_what_stands_in_the_place_of_a_call_is_sent_as_one(call: object) -> None:
    """A conversation file can hold anything in ``tool_calls``."""
    messages = [ASKED, {"role": "assistant", "content": None, "tool_calls": [call]}, AS_TEXT[2]]

    _, called, result = calls_as_objects(messages)

    (sent,) = called["tool_calls"]
    assert sent["function"]["name"] == UNREADABLE
    assert json.loads(json.loads(sent["function"]["arguments"])["text"]) == call
    assert sent["id"] == result["tool_call_id"] == "companion_1_0"
    assert calls_as_text(messages)[1]["content"] == json.dumps([call])
    assert calls_for_template(messages) == messages


def test_a_call_without_arguments_is_whole() -> None:
    call = {"id": "a", "function": {"name": "now", "arguments": None}}

    told = calls_as_objects([ASKED, {"role": "assistant", "tool_calls": [call]}])[1]

    assert told["tool_calls"] == [entry(ToolCall("now", {}), "a")]


def test_arguments_that_are_a_dict_are_sent_as_text() -> None:
    call = {"id": "a", "function": {"name": SUM.name, "arguments": SUM.arguments}}
    messages = [ASKED, {"role": "assistant", "tool_calls": [call]}]

    told = calls_as_objects(messages)[1]

    assert told == {"role": "assistant", "content": None, "tool_calls": [entry(SUM, "a")]}
    assert calls_as_text(messages)[1] == {"role": "assistant", "content": SUM.text()}


def test_a_template_gets_arguments_as_dicts() -> None:
    broken = {"id": "b", "function": {"name": "f", "arguments": "{bro"}}
    messages = [ASKED, {**AS_OBJECTS[1], "tool_calls": [entry(SUM, "a"), broken]}]

    first, second = calls_for_template(messages)[1]["tool_calls"]

    assert first == {**entry(SUM, "a"), "function": {"name": SUM.name, "arguments": SUM.arguments}}
    assert second == broken
    assert messages[1]["tool_calls"][0] == entry(SUM, "a")


def piece(index: int | None, call_id: str | None, name: str | None, arguments: str | None) -> dict:
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}


def whole(call: ToolCall, index: int | None, call_id: str | None) -> dict:
    return piece(index, call_id, call.name, json.dumps(call.arguments))


HALVES = ('{"expression":', ' "6 * 7"}')
BOTH = [entry(SUM, "a"), entry(WEATHER, "b")]


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        (
            [
                piece(0, "a", "calculator", ""),
                piece(0, None, None, HALVES[0]),
                whole(WEATHER, 1, "b"),
                piece(0, None, None, HALVES[1]),
            ],
            BOTH,
        ),
        ([whole(SUM, 0, "a"), whole(WEATHER, 0, "b")], BOTH),
        (
            [
                piece(0, "a", "calculator", HALVES[0]),
                piece(0, "a", "calculator", HALVES[1]),
                piece(0, "a", "calculator", ""),
                piece(0, "b", "get_weather", '{"c":'),
                piece(0, "b", None, ' "\\u00e9"}'),
            ],
            BOTH,
        ),
        (
            [
                piece(None, "a", "calculator", HALVES[0]),
                piece(None, None, None, HALVES[1]),
                whole(WEATHER, None, "b"),
            ],
            BOTH,
        ),
        (
            [
                piece(None, "a", "calculator", HALVES[0]),
                whole(WEATHER, None, "b"),
                piece(None, "a", None, HALVES[1]),
            ],
            BOTH,
        ),
        ([whole(SUM, 1, "a"), whole(WEATHER, 2, "b")], BOTH),
        ([{"index": 0, "id": "a", "function": None}, whole(SUM, 0, None)], BOTH[:1]),
        ([piece(0, None, "calc", None), piece(0, "a", "ulator", "".join(HALVES))], BOTH[:1]),
        ([whole(SUM, 0, "a"), whole(WEATHER, 0, "a")], [BOTH[0], entry(WEATHER, "a")]),
        ([whole(SUM, 0, "a"), whole(WEATHER, 1, "a")], [BOTH[0], entry(WEATHER, "a")]),
        ([whole(SUM, None, None), whole(SUM, None, None)], [entry(SUM, None)] * 2),
        ([whole(SUM, 0, None), whole(WEATHER, 0, None)], [entry(SUM, None), entry(WEATHER, None)]),
        ([{"id": "a", "function": {"name": "calculator", "arguments": SUM.arguments}}], BOTH[:1]),
        ([], []),
    ],
)
def test_pieces_are_put_together(parts: list[dict], calls: list[dict]) -> None:
    assert join_parts(parts) == calls


@pytest.mark.parametrize("part", [{}, {"index": 0, "id": "a"}, piece(0, "a", "", "{}")])
def test_a_call_without_a_name_is_refused(part: dict) -> None:
    with pytest.raises(ValueError, match="a tool call without a name"):
        join_parts([part])


@pytest.mark.parametrize("part", [3, "f", piece(0, "a", 3, "{}"), piece(0, "a", "f", 3)])
def test_what_is_no_piece_of_a_call_is_refused(part: object) -> None:
    with pytest.raises((TypeError, AttributeError)):
        join_parts([part])
