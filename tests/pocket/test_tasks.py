"""The tasks that measure a model: their items, and who is right."""

import pytest

from companion.models import load
from companion.pocket.corpus import preferences
from companion.pocket.tasks import (
    chat_tasks,
    last_number,
    pair_tasks,
    same_line,
    same_text,
    tasks,
    valid_call,
)


@pytest.mark.parametrize(
    ("judge", "text", "answer", "verdict"),
    [
        (same_line, " Paris\nQuestion: more", "Paris", True),
        (same_line, " Paris is", "Paris", False),
        (same_text, "- a\n- b\n", "- a\n- b", True),
        (same_text, "- a\n- b\n- c", "- a\n- b", False),
        (last_number, " 2 plus 3 is 5. The answer is 5.", "5", True),
        (last_number, " 2 plus 3 is 5. The answer is 52.", "5", False),
        (last_number, " 2 plus 3 is 5.", "5", False),
        (last_number, " The answer is 6.\nThe answer is 5.", "5", False),
        (valid_call, ' {"name": "search", "arguments": {"query": "x"}}\nTool:', "", True),
        (valid_call, ' {"name": "search", "arguments": "x"}', "", False),
        (valid_call, ' {"name": "delete_all", "arguments": {}}', "", False),
        (valid_call, " It is cold.", "", False),
        (valid_call, " [1]", "", False),
    ],
)
def test_judges(judge, text, answer, verdict):
    assert judge(text, answer) is verdict


def test_every_task_has_items_and_its_own_name():
    found = tasks(20)

    assert len({task.name for task in found}) == len(found) == 13
    assert all(len(task.items) >= 20 for task in found)


def test_the_first_items_do_not_depend_on_their_number():
    few, many = ({task.name: task.items for task in tasks(count)} for count in (20, 40))

    for name in few:
        if "rules" not in name and not name.startswith("instructions"):  # grouped by rule and task
            assert many[name][: len(few[name])] == few[name]


def test_chat_tasks_ask_through_the_template_and_leave_the_answer_out():
    _, tokenizer = load("base")
    found = chat_tasks(tokenizer, 20)

    assert len({task.name for task in found}) == len(found) == 9
    for task in found:
        for prompt, answer in task.items:
            assert prompt.endswith("<|end|>\n<|assistant|>\n")
            assert answer.strip() == answer != ""
            assert not prompt.endswith(answer)


def test_word_problems_are_judged_by_their_number():
    _, tokenizer = load("base")
    task = next(t for t in chat_tasks(tokenizer, 20) if t.name == "word problems")

    assert all(answer.isdigit() for _, answer in task.items)
    assert task.right(f"1 plus 1 is 2. The answer is {task.items[0][1]}.", task.items[0][1])


def test_pairs_differ_in_what_their_name_says():
    found = pair_tasks(40)

    assert [len(pairs) for pairs in found.values()] == [200, 40, 40, 40, 40]
    for pair in found["right rather than wrong"]:
        assert pair.better != pair.worse
    for pair in found["an answer rather than an evasion"]:
        assert any(pair.worse.startswith(phrase) for phrase in preferences.EVASIONS)
    for pair in found["friendly rather than curt"]:
        opening = pair.better.removesuffix(pair.worse).strip()
        assert opening in preferences.OPENINGS
    for pair in found["friendly rather than rude"]:
        assert any(pair.worse.startswith(phrase) for phrase in preferences.RUDE)
