"""Demonstrations are well-formed conversations whose last word is the assistant's, and right."""

import json
from itertools import pairwise

import pytest

from companion.phrases import NOT_THERE, TOOLS_PROMPT
from companion.pocket.corpus import demonstrations, tool_calls


def contents(records, role):
    return [m["content"] for record in records for m in record["messages"] if m["role"] == role]


@pytest.mark.parametrize("kind", demonstrations.KINDS)
@pytest.mark.parametrize("split", ["train", "eval"])
def test_a_conversation_alternates_and_ends_with_the_assistant(kind, split):
    for record in demonstrations.records(0, split, 100, kind=kind):
        roles = [message["role"] for message in record["messages"]]

        assert record["kind"] == kind
        assert roles[-1] == "assistant"
        assert roles.count("user") >= 1
        assert all(one != other for one, other in pairwise(roles))
        assert all(message["content"].strip() for message in record["messages"])


def test_the_same_arguments_give_the_same_records():
    assert demonstrations.records(1, "train", 50) == demonstrations.records(1, "train", 50)
    assert demonstrations.records(1, "train", 50) != demonstrations.records(2, "train", 50)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kind must be one of .*'chat'.* got 'poem'"):
        demonstrations.records(0, "train", 1, kind="poem")


def test_a_cited_passage_holds_the_answer():
    cited = followed = 0
    for record in demonstrations.records(0, "train", 300, kind="context"):
        passages, *rest = (message["content"] for message in record["messages"])
        for said in rest[::2]:
            if said != NOT_THERE:
                answer, number = said.removesuffix("]").split(". [")
                assert answer in passages.split(f"[{number}] ")[1].split("\n")[0]
                cited += 1
        followed += len(rest) > 1

    assert cited > 300
    assert 100 < followed < 300


def test_a_letter_task_is_done_letter_by_letter():
    said = {}
    for record in demonstrations.records(0, "train", 200, kind="letters"):
        asked, answer = (message["content"] for message in record["messages"])
        task, _, given = asked.partition("\n")
        said[task.split(" word ")[0].split(" is spelled")[0]] = asked, answer
        if task.startswith("Spell"):
            assert answer.replace(" ", "") == asked.removeprefix("Spell the word ")[:-1]
        if task.startswith("Which"):
            assert answer == asked.removeprefix("Which word is spelled ")[:-1].replace(" ", "")
        if task.startswith("Write"):
            assert answer == given.upper()
        if task.startswith("Repeat"):
            assert answer == given
        if task.startswith("Turn"):
            assert answer.removeprefix("- ").split("\n- ") == given.split(", ")

    assert len(said) == 5


def test_a_call_is_json_for_a_tool_that_the_system_message_declares():
    records = demonstrations.records(0, "train", 200, kind="tools")
    called = [record for record in records if len(record["messages"]) == 5]

    assert len(called) > 120
    for record in called:
        system, _, call, result, _ = (message["content"] for message in record["messages"])
        declared = json.loads(system.removeprefix(TOOLS_PROMPT))
        assert json.loads(call)["name"] in [tool["name"] for tool in declared]
        assert set(json.loads(call)["arguments"]) == set(
            tool_calls.DECLARATIONS[json.loads(call)["name"]]
        )
        assert isinstance(json.loads(result), dict)


def test_instruction_records_have_equal_shares_of_tasks():
    records = demonstrations.instruction_records(0, "eval", 100)
    tasks = [record["task"] for record in records]

    assert {tasks.count(task) for task in tasks} == {10}
    assert all(record["output"] == record["messages"][-1]["content"] for record in records)
