"""Two judges on known pairs: the pairs, what makes them longer, a small run, the record."""

import json
import math

from _experiments import open_judging as study

from companion.models import load
from companion.pocket.records import record
from companion.pocket.studies.judging import ITEMS
from companion.pocket.tasks import PreferencePair


def test_padding_makes_only_the_worse_answer_longer() -> None:
    pair = study.pairs(1)["right rather than wrong"][0]

    longer = study.padded(pair, study.FILLERS[:2])

    assert longer.better == pair.better
    assert longer.worse == f"{pair.worse} A week has seven days. Water is wet."
    assert study.padded(pair, []) == pair


def test_exchanged_letters_change_the_prompt_in_two_places_only() -> None:
    usual, exchanged = study.WORDINGS["short"], study.EXCHANGED

    assert exchanged.index("Answer B: {first}") < exchanged.index("Answer A: {second}")
    assert sorted(usual) == sorted(exchanged)


def test_likelihood_is_of_the_answer_alone() -> None:
    chat = load("chat", source="pocket")
    asked = [{"role": "user", "content": "What is the capital of Italy?"}]

    ((right, wrong),) = study.likelihood(
        [PreferencePair(asked, "Rome.", "Rome. Rome. Rome.")], chat
    )

    assert wrong < right < 0


def test_a_small_run_keeps_a_row_for_each_pair() -> None:
    found = study.measure(scale=0.01, columns=["pocket"])
    pocket = found["columns"]["pocket"]

    assert {len(rows) for rows in pocket["rewards"].values()} == {3}
    assert pocket["padded"]["fillers"]["0"] == pocket["rewards"][study.KINDS[0]]
    assert json.loads(json.dumps(found)) == found


def test_the_record_has_the_pairs_that_the_page_shows() -> None:
    kept = record("open_judging")["columns"]

    assert {len(rows) for rows in kept["open"]["letters"]["short"].values()} == {ITEMS}
    assert set(kept["pocket"]["losses"]) == set(kept["open"]["losses"])
    for column in kept.values():
        assert all(math.isfinite(of["nats"]) for of in column["losses"].values())
