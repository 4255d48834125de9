"""The record of the drawn shapes."""

from companion.pocket.records import record


def test_the_record_holds_both_trainings_of_each_start():
    run = record("images")

    kinds = {(one["pairs"], one["trained"], one["seed"]) for one in run["runs"]}
    assert len(kinds) == len(run["runs"]) == 12
    assert all(
        0 <= value <= run["pictures"]
        for one in run["runs"]
        for key, value in one.items()
        if key not in ("pairs", "trained", "seed")
    )
