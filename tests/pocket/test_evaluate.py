"""The evaluation counts what it says it counts."""

import pytest
import torch

from companion.generation.decoding import generate
from companion.models import load
from companion.pocket import evaluate
from companion.pocket.corpus import preferences
from companion.pocket.tasks import (
    Pair,
    Task,
    chat_tasks,
    last_number,
    pair_tasks,
    same_line,
    same_text,
    tasks,
    valid_call,
)
from companion.prompts.evaluation import Accuracy


def test_the_wilson_interval_of_half_right():
    low, high = Accuracy(50, 100).interval  # worked by hand: (0.5 + z^2/200) / (1 + z^2/100) -+ ...

    assert low == pytest.approx(0.4038, abs=1e-4)
    assert high == pytest.approx(0.5962, abs=1e-4)


@pytest.mark.parametrize("right", [0, 7, 100])
def test_the_interval_contains_the_share_and_stays_within_0_and_1(right):
    found = Accuracy(right, 100)

    low, high = found.interval

    assert 0 <= low <= found.share
    assert found.share - 1e-12 <= high <= 1


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


def test_accuracy_asks_every_item_and_counts_the_right_ones(llama, tokenizer):
    prompts = ["a b c", "x", "one two"] * 30  # more than one batch, different lengths
    params = evaluate.SamplingParams(max_new_tokens=4, temperature=0)
    answers = [found.text for found in generate(llama, tokenizer, prompts, params)]
    items = [
        (prompt, answer if i % 3 else "never this")
        for i, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
    ]

    found = evaluate.accuracy(
        llama, tokenizer, Task("t", items, lambda text, answer: text == answer, 4)
    )

    assert (found.right, found.total) == (60, 90)


def test_the_table_has_a_row_for_every_task_and_kind():
    results = {
        "accuracy": {"capitals": {"right": 3, "total": 4, "share": 0.75, "interval": [0.3, 0.95]}},
        "perplexity": {"word_problems": 1.5},
    }

    text = evaluate.table(results)

    assert "| capitals | 75.0% of 4 | 30% to 95% |" in text
    assert "| word problems | 1.50 |" in text


def test_an_unknown_model_is_reported_without_a_trace(capsys):
    assert evaluate.main(["no-such-model"]) == 1
    assert "no-such-model" in capsys.readouterr().err


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


def test_a_reward_is_right_about_a_pair_if_the_better_answer_gets_more():
    pairs = [Pair([], "long answer", "short"), Pair([], "b", "long"), Pair([], "same", "size")]

    found = evaluate.pair_accuracy(
        lambda records, responses: torch.tensor([float(len(text)) for text in responses]), pairs
    )

    assert (found.right, found.total) == (1, 3)


def test_an_unknown_role_is_refused(llama, tokenizer):
    with pytest.raises(ValueError, match="role must be 'base', 'chat' or 'reward', got 'critic'"):
        evaluate.evaluate(llama, tokenizer, role="critic")
