"""Pocket and open, prompts: small runs on the pocket models, and what the records say."""

import json

import pytest
from _experiments import open_memory, open_prompting, open_reasoning

from companion.errors import AnswerNotFoundError
from companion.pocket.records import record
from companion.prompts.evaluation import Accuracy

RUNS = {"prompting": open_prompting, "reasoning": open_reasoning, "memory": open_memory}
RECORDS = [f"open_{name}" for name in RUNS]


@pytest.fixture(scope="module")
def small() -> dict[str, dict]:
    """Three items of everything, pocket models only, of the development split."""
    return {
        name: run.measure(scale=0.01, split="development", columns=["pocket"])
        for name, run in RUNS.items()
    }


def leaves(found: dict, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], dict]:
    """Return everything in a record that was counted, by its place."""
    if "right" in found:
        return {path: found}
    below = (leaves(value, (*path, key)) for key, value in found.items() if isinstance(value, dict))
    return {place: one for part in below for place, one in part.items()}


@pytest.mark.slow
def test_a_small_run_asks_in_every_way(small) -> None:
    pocket = {name: run["columns"]["pocket"] for name, run in small.items()}
    ways = {"usual": ["0", "1", "3", "5"], "exchanged": ["1", "3"]}

    for kind in ("ordinary", "grammar"):
        reviews = pocket["prompting"]["reviews"][kind]
        assert {way: list(reviews[way]) for way in ways} == ways
        assert len(pocket["reasoning"]["problems"][kind]) == 4
    assert list(pocket["prompting"]["rules"]) == ["0", "1", "3", "8"]
    assert all(one["total"] == 3 for one in leaves(pocket).values())
    assert len(leaves(pocket)) == (2 * 7 + 4 + 4) + (2 * 4 + 2) + 2 * 3
    assert json.loads(json.dumps(small)) == small


def test_pocket_does_what_it_was_trained_for_in_a_small_run(small) -> None:
    pocket = small["reasoning"]["columns"]["pocket"]["problems"]["grammar"]

    assert pocket["examples with reasoning"]["right"] == 3
    assert small["memory"]["columns"]["pocket"]["recalled"]["4"]["right"] == 3
    assert small["prompting"]["columns"]["pocket"]["capitals"]["question"]["right"] == 3


def test_the_label_is_the_one_word_of_the_two_that_is_named() -> None:
    assert open_prompting.names_label(" Negative.", "negative")
    assert not open_prompting.names_label(" Negative.", "positive")
    with pytest.raises(AnswerNotFoundError, match="names none"):
        open_prompting.names_label(" good", "positive")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (" 19", True),
        ("24 minus 5 is 19. The answer is 19.", True),
        ("The answer is 19. So 5 pens were lost.", True),
        ("She lost 5 pens, so 19 are left.", True),
        ("19 - 5 = 14", False),
        ("The answer is 5, not 19.", False),
    ],
)
def test_one_rule_reads_the_number_of_all_ways(text, right) -> None:
    assert open_reasoning.same_number(text, 19) is right


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_of_the_held_out_items_of_both_columns(name) -> None:
    found = record(name)
    counted = leaves(found["columns"])

    assert found["split"] == "held_out"
    assert "Q4_1" in found["origin"]
    assert set(found["columns"]) == {"pocket", "open"}
    assert {place[1:] for place in counted if place[0] == "pocket"} == {
        place[1:] for place in counted if place[0] == "open"
    }
    for one in counted.values():
        assert one["total"] in (40, 60)
        interval = Accuracy(one["right"], one["total"]).interval
        assert one["interval"] == pytest.approx(interval, abs=1e-4)
