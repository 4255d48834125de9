"""Structured output, recorded: messages, counts, the mask's record, the sandbox, the records."""

import json

import pytest
import torch
from _experiments import _structure, open_review, open_structure
from _experiments._reviewed import FUNCTIONS, run_calls

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.pocket.records import record
from companion.pocket.studies.bookings import SCHEMA, bookings

TEXT, BOOKING = bookings("held_out", 1)[0]
AVERAGE = FUNCTIONS["held_out"][0]
MENDED = "def average(numbers):\n    return sum(numbers) / len(numbers) if numbers else 0"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (1, 1, 1)),
        ({"guests": BOOKING["guests"] % 12 + 1}, (1, 1, 0)),
        ({"day": "Monday evening"}, (1, 0, 0)),
        ({"guests": str(BOOKING["guests"])}, (1, 0, 0)),
    ],
)
def test_json_valid_and_right_are_counted_apart(changed, expected) -> None:
    found = _structure.count([(TEXT, BOOKING)], [json.dumps({**BOOKING, **changed})])

    assert tuple(found[key]["right"] for key in ("json", "valid", "right")) == expected
    assert sum(found["fields"].values()) == 5 - len(changed)


def test_words_around_json_make_it_none() -> None:
    found = _structure.count([(TEXT, BOOKING)], [f"Sure! {json.dumps(BOOKING)}"])

    assert found["json"]["right"] == found["valid"]["right"] == 0
    assert "not JSON" in _structure.complaint("Sure!")


def test_the_mask_is_recorded_token_by_token() -> None:
    class Constraint:
        eos_ids = frozenset({2})

        def __call__(self, logits: torch.Tensor, token_ids: list[list[int]]) -> torch.Tensor:
            masked = logits.clone()
            masked[:, 0] = float("-inf")
            return masked

    watched = _structure.Watched(Constraint())
    logits = torch.tensor([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]])

    watched(logits, [[1], [1, 2]])

    assert watched.steps[1] == []  # it has ended
    (step,) = watched.steps[0]
    assert step["mass"] == pytest.approx(1 - logits[0].softmax(-1)[0].item())
    assert (step["allowed"], step["wanted"], step["overruled"]) == (2, 0, True)


def test_improved_code_runs_in_the_sandbox_and_is_judged_by_its_calls() -> None:
    hostile = "import os\ndef average(numbers):\n    return os.system('echo') or 3.0"

    assert run_calls(AVERAGE.code, AVERAGE) == ["right", "ZeroDivisionError"]
    assert run_calls(MENDED, AVERAGE) == ["right", "right"]
    assert run_calls("def mean(numbers): pass", AVERAGE) == ["not defined"] * 2
    assert run_calls(hostile, AVERAGE) != ["right", "right"]


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({}, []),
        ({"quality": 11}, ["quality is from 1 to 10"]),
        ({"issues": ["bad style here"]}, ["names the fault"]),
        ({"improved_code": AVERAGE.code}, ["code differs from the old", "code passes all calls"]),
    ],
)
def test_a_review_fails_the_check_that_it_breaks(changed, failed) -> None:
    review = {
        "quality": 3,
        "issues": ["An empty list raises ZeroDivisionError."],
        "suggestions": ["Return 0 for it."],
        "improved_code": MENDED,
    }

    found = open_review.checks(json.dumps({**review, **changed}), AVERAGE)

    assert [check for check, passed in found["checks"].items() if not passed] == failed


def test_a_small_run_counts_what_pocket_chat_writes() -> None:
    options = {"scale": 0.01, "split": "development", "columns": ["pocket"]}

    found = open_structure.measure(**options)["columns"]["pocket"]["words"]

    assert found["masked"]["valid"]["right"] == found["masked"]["valid"]["total"] == 3
    assert found["free"]["valid"]["right"] == 0
    assert found["masked"]["steps"] >= len(found["masked"]["first"]) > 20
    assert json.loads(json.dumps(found)) == found


def test_the_records_are_of_the_held_out_items() -> None:
    bookings_run, review_run = record("open_structure"), record("open_review")

    assert bookings_run["split"] == review_run["split"] == "held_out"
    assert set(bookings_run["columns"]) == {"pocket", "open"}
    assert set(review_run["ways"]) == set(open_review.WAYS)
    for way in record("served_structure").values():
        for found in way.values() if isinstance(way, dict) else ():
            assert len(found["all"]) == found["valid"]["total"]


def test_a_schema_of_code_forces_the_head_of_the_function(uniform_model, tokenizer) -> None:
    from companion.backends.structured import SchemaConstraint

    rule = open_review.schema_of("average")["properties"]["improved_code"]
    held = SchemaConstraint(uniform_model, tokenizer, rule)
    params = SamplingParams(max_new_tokens=20, temperature=0)

    (made,) = generate(uniform_model, tokenizer, "a", params, logits_filter=held)

    assert made.text.startswith('"def average(')
    assert SCHEMA["required"][0] == "name"
