"""Pocket and open, weak and strong prompts: the checks by hand, the items, small runs, records."""

import json

import pytest
from _experiments import open_design, open_forms
from _experiments._side_by_side import SPLITS, load_items

from companion.pocket.records import record

CODE = "def last(items):\n    return items[len(items)]"
FUNCTION = {"code": CODE, "faults": ["out of range", "items[-1]"]}
REVIEW = """\
Quality: 3 of 10
Issues: the index is out of range.
Suggestions: use items[-1]
Improved code:
```python
def last(items):
    return items[-1]
```
That is all."""


def test_three_short_bullet_points_pass_every_check() -> None:
    found = open_forms.summary_checks("- one fact\n* two facts\n3. three facts", "word " * 30)

    assert list(found.values()) == [True, True, True]


@pytest.mark.parametrize(
    ("written", "failed"),
    [
        ("- a\n- b", "three bullet points and nothing else"),
        ("Here is a summary:\n- a\n- b\n- c", "three bullet points and nothing else"),
        (f"- {'w ' * 13}\n- b\n- c", "at most 12 words each"),
        ("No bullets at all.", "at most 12 words each"),
        ("- a b c\n- d e f\n- g h i j k l m n o", "at most half as long as the text"),
    ],
)
def test_a_summary_fails_the_check_that_it_breaks(written, failed) -> None:
    assert not open_forms.summary_checks(written, "word " * 30)[failed]


def test_a_review_in_four_parts_passes_every_check() -> None:
    assert list(open_forms.review_checks(REVIEW, FUNCTION).values()) == [True] * 4


@pytest.mark.parametrize(
    ("old", "new", "failed"),
    [
        ("Issues:", "Problems:", "the four parts in order"),
        ("Quality: 3 of 10", "Quality: 11", "a grade from 1 to 10"),
        ("Quality: 3 of 10", "Quality: good", "a grade from 1 to 10"),
        ("out of range", "wrong", "the fault is named"),
        ("return items[-1]", "return items[", "other code that can be parsed"),
        ("return items[-1]", "return items[len(items)]", "other code that can be parsed"),
    ],
)
def test_a_review_fails_the_check_that_it_breaks(old, new, failed) -> None:
    written = REVIEW.replace(old, new)
    if failed == "the fault is named":
        written = written.replace("items[-1]", "items[0]")

    assert not open_forms.review_checks(written, FUNCTION)[failed]


def test_the_code_of_a_review_is_read_and_never_run() -> None:
    hostile = REVIEW.replace("return items[-1]", "raise SystemExit")

    assert open_forms.has_new_code(hostile + "\n" + hostile, CODE)
    assert not open_forms.has_new_code("def other(items):\n    return 1", CODE)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("- salt\n- coin", True),
        ("1) Salt\n\n2) Coin", True),
        ("salt, coin", False),
        ("Here:\n- salt\n- coin", False),
        ("- coin\n- salt", False),
    ],
)
def test_a_list_has_its_words_on_lines_of_their_own(text, right) -> None:
    assert open_design.lists_words(text, ["salt", "coin"]) is right


def test_the_name_only_is_the_name_only() -> None:
    assert open_design.is_only(" Paris.\n", "Paris")
    assert not open_design.is_only("The capital is Paris.", "Paris")


def test_texts_functions_and_words_are_in_one_split_each() -> None:
    stored = load_items("designs")
    sizes = {"texts": (3, 10), "functions": (2, 6), "words": (6, 20)}

    for kind, expected in sizes.items():
        parts = [stored[kind][split] for split in SPLITS]
        keys = [json.dumps(one) for part in parts for one in part]
        assert tuple(map(len, parts)) == expected
        assert len(keys) == len(set(keys))


@pytest.mark.slow
def test_a_small_run_scores_both_wordings_of_everything() -> None:
    options = {"scale": 0.01, "split": "development", "columns": ["pocket"]}
    design, forms = (run.measure(**options)["columns"] for run in (open_design, open_forms))

    asked = [one[way] for one in design["pocket"].values() for way in ("weak", "strong")]
    assert [one["total"] for one in asked] == [3] * 8
    assert all(len(one["texts"]) == 2 for one in asked)
    assert all(set(task) == {"weak", "strong"} for task in forms["pocket"].values())
    assert json.loads(json.dumps([design, forms])) == [design, forms]


@pytest.mark.parametrize("name", ["open_design", "open_forms"])
def test_the_records_are_of_the_held_out_items_of_both_columns(name) -> None:
    found = record(name)

    assert found["split"] == "held_out"
    assert set(found["columns"]) == {"pocket", "open"}
    assert found["columns"]["pocket"].keys() == found["columns"]["open"].keys()
