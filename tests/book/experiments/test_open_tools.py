"""Pocket and open, tools: the items, a small run on pocket-chat, and what the record says."""

import json

import pytest
from _experiments import open_tools
from _experiments._side_by_side import SPLITS, load_items

from companion.pocket.records import record
from companion.tools import ToolCall
from companion.tools.instruction import NO_CALL

ITEMS = load_items("tool_requests")
TOOLS = open_tools.five_tools()
MEASURES = ("valid", "tool", "exact", "answered")


def test_the_splits_share_no_request_and_no_request_is_an_example() -> None:
    development, held_out = ({one["request"] for one in ITEMS[split]} for split in SPLITS)
    shown = {request for tool in TOOLS for request, _ in tool.examples}
    shown |= {request for request, _ in NO_CALL}

    assert len(development) == len(held_out) == 50
    assert not development & held_out
    assert not shown & (development | held_out)


@pytest.mark.parametrize("split", SPLITS)
def test_eight_requests_need_each_tool_and_ten_need_none(split: str) -> None:
    needed = [one["tool"] for one in ITEMS[split]]

    assert {name: needed.count(name) for name in set(needed)} == {
        **dict.fromkeys((tool.name for tool in TOOLS), 8),
        None: 10,
    }


@pytest.mark.parametrize("split", SPLITS)
def test_every_right_answer_is_a_call_that_may_run(split: str) -> None:
    for one in ITEMS[split]:
        assert bool(one["arguments"]) == bool(one["tool"])
        for arguments in one["arguments"]:
            assert TOOLS.check(ToolCall(one["tool"], arguments)) is None


def test_a_turn_counts_for_what_it_is() -> None:
    asked = [
        {"request": "?", "tool": "set_timer", "arguments": [{"minutes": 5}]},
        *[{"request": "?", "tool": None, "arguments": []}] * 4,
    ]
    timer = '{"name": "set_timer", "arguments": {"minutes": %s}}'

    def right(call: str) -> list[int]:
        texts = [call, "Hello!", "", timer % 5, '{"name": ']
        found = open_tools.count_calls(asked, texts, TOOLS)
        return [found[name]["right"] for name in MEASURES]

    assert right(timer % 5) == [1, 1, 1, 1]
    assert right(timer % 6) == [1, 1, 0, 1]
    assert right(timer % '"5"') == [0, 1, 0, 1]
    assert right(f"{timer % 5}\n{timer % 5}") == [0, 0, 0, 1]
    assert right('{"name": "lamp", "arguments": {}}') == [0, 0, 0, 1]
    assert right("Five minutes.") == right('{"name": ') == [0, 0, 0, 1]


def test_a_small_run_asks_pocket_chat_in_both_ways() -> None:
    found = open_tools.measure(scale=0.01, split="development", columns=["pocket"])

    ways = found["columns"]["pocket"]
    assert list(ways) == ["free", "constrained"]
    for way in ways.values():
        assert [way[name]["total"] for name in MEASURES] == [3, 3, 3, 3]
        assert len(way["texts"]) == 6
    assert json.loads(json.dumps(found)) == found


def test_the_record_says_that_examples_and_the_constraint_bring_the_open_model_to_its_goal() -> (
    None
):
    stored = record("open_tools")
    ways = stored["columns"]["open"]

    assert stored["split"] == "held_out"
    assert ways["constrained, examples"]["valid"]["right"] == 40
    assert ways["constrained, examples"]["tool"]["right"] >= 32
    assert ways["constrained, examples"]["exact"]["right"] >= 26
    assert ways["free, no examples"]["valid"]["right"] == 0


@pytest.mark.parametrize("column", ["pocket", "open"])
def test_the_record_counts_what_its_texts_say(column: str) -> None:
    held_out = ITEMS["held_out"]
    asked = sorted(held_out, key=lambda one: one["tool"] is None)

    for way in record("open_tools")["columns"][column].values():
        assert open_tools.count_calls(asked, way["texts"], TOOLS) == way
