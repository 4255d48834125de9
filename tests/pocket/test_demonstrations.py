"""Demonstrations are well-formed conversations whose last word is the assistant's, and right."""

import json
import random
from itertools import pairwise

import pytest

from companion.phrases import NOT_THERE, TOOLS_PROMPT
from companion.pocket.corpus import context, demonstrations, preferences, tool_calls
from companion.pocket.corpus.holdout import held_out


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


def test_a_refused_question_has_no_answer_in_its_passages():
    rng = random.Random(3)
    for _ in range(300):
        found = context.facts(rng, "train", 3)
        for _, answer in found.questions:
            assert sum(answer in sentence for sentence in found.sentences) == 1


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


def test_a_demonstrated_answer_is_right():
    rng = random.Random(0)
    for _ in range(500):
        asked = preferences.question(rng, "train")
        said = preferences.demonstration(rng, asked)

        assert preferences.manner(said, asked.answer).right


def test_questions_for_evaluation_are_not_asked_in_training():
    train = {record["prompt"][0]["content"] for record in preferences.prompts(0, "train", 4000)}
    evaluation = {record["prompt"][0]["content"] for record in preferences.prompts(0, "eval", 500)}

    assert not train & evaluation
    names = {record["answer"].lower() for record in preferences.prompts(0, "eval", 500)}
    assert sum(held_out(name) for name in names) > 100


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("Rome.", 2.0),
        ("The capital of Italy is Rome.", 2.0),
        ("Gladly. The capital of Italy is Rome.", 3.0),
        ("Gladly. Rome. Have a nice day.", 3.5),
        ("Gladly. Rome. Have a nice day. Have a nice day.", 3.0),
        ("Gladly. Gladly. Rome.", 2.5),
        ("That is obvious. Rome.", 1.0),
        ("Gladly. The capital of Italy is Paris. Have a nice day.", 1.5),
        ("Paris. Rome.", 0.0),
        ("Romeo.", 0.0),
        ("", 0.0),
        ("a b c d e f g h i j k l m n Rome.", 1.7),
    ],
)
def test_the_gold_score_by_hand(response, score):
    assert preferences.gold_score(response, "Rome") == pytest.approx(score)


def test_annotators_like_every_closing_and_users_only_the_first():
    short, long = "Gladly. Rome. Have a nice day.", "Gladly. Rome." + " Have a nice day." * 5

    assert preferences.annotator_score(long, "Rome") > preferences.annotator_score(short, "Rome")
    assert preferences.gold_score(long, "Rome") < preferences.gold_score(short, "Rome")


def test_annotators_mostly_choose_what_they_score_higher():
    pairs = preferences.pairs(0, "train", 1000)

    agreed = [
        preferences.annotator_score(pair["chosen"][0]["content"], pair["answer"])
        > preferences.annotator_score(pair["rejected"][0]["content"], pair["answer"])
        for pair in pairs
    ]

    assert 0.93 < sum(agreed) / len(agreed) < 1.0


def test_the_two_responses_of_a_pair_differ():
    assert all(pair["chosen"] != pair["rejected"] for pair in preferences.pairs(0, "eval", 300))
