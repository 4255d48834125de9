"""The recorded run on speed: what is compared, and that a small run works."""

import pytest
from _experiments import speed


def test_texts_that_differ_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different tokens"):
        speed.compare(lambda: [1], lambda: [2], pairs=1)


@pytest.mark.slow
def test_a_small_run_measures_every_dtype_and_batch() -> None:
    found = speed.measure(scale=0.02, models=["base"])

    assert [(one["dtype"], one["batch"]) for one in found["runs"]] == [
        (dtype, batch) for dtype in speed.DTYPES for batch in speed.BATCHES
    ]
    assert all(one["companion"] > 0 and one["transformers"] > 0 for one in found["runs"])
    assert len(found["prompts"]) == len(speed.DTYPES)
