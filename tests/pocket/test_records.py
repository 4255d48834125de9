"""Records of long runs."""

import pytest

from companion.pocket.records import record


def test_a_record_says_what_was_measured():
    found = record("pretrain")

    assert found["hardware"]
    assert len(found["loss"] if "loss" in found else found["curve"]) > 10


@pytest.mark.parametrize("name", ["", "no-such-run", "../records", "pretrain.json"])
def test_an_unknown_record_is_named_with_those_that_there_are(name: str):
    with pytest.raises(ValueError, match=r"name must be one of \[.*'pretrain'.*, got "):
        record(name)
