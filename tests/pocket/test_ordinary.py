"""Problems that a person wrote, outside of the training grammar."""

import pytest

import companion
from companion.phrases import TRIGGER
from companion.pocket.evaluate import accuracy
from companion.pocket.ordinary import PROBLEMS, last_integer, ordinary_tasks
from companion.pocket.records import record


def test_no_problem_is_a_sentence_of_the_training_grammar():
    assert len({question for question, _ in PROBLEMS}) == len(PROBLEMS) == 20
    assert not [q for q, _ in PROBLEMS if q.startswith("How many") or q.endswith("have now?")]
    assert all(TRIGGER not in question for question, _ in PROBLEMS)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("The answer is 45.", True),
        ("45", True),
        ("They pay 24 + 21 = 45 euros.", True),
        ("1,045", False),
        ("45 or 46", False),
        ("No.\nQuestion: 45", False),
        ("", False),
    ],
)
def test_the_last_number_of_the_first_line_counts(text, right):
    assert last_integer(text, "45") is right


@pytest.mark.parametrize(("role", "stored"), [("base", "evaluation"), ("chat", "evaluation_chat")])
def test_outside_of_their_grammar_the_pocket_models_solve_next_to_nothing(role, stored):
    model, tokenizer = companion.load(role)
    known = record(stored)

    for task in ordinary_tasks(tokenizer, role):
        found = accuracy(model, tokenizer, task)
        assert found.right <= 2
        assert abs(found.right - known["outside"][task.name]["right"]) <= 1
    assert max(one["share"] for one in known["accuracy"].values()) > 0.95
