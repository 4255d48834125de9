"""Publishing ships weights with checksums, and the shipped ones are what the records describe."""

import hashlib
import json
from pathlib import Path

import pytest

from companion.pocket import publish
from companion.pocket.evaluate import table
from companion.pocket.records import record

PACKAGE = Path(publish.__file__).parent
SHIPPED = tuple(publish.RECORDS)


def test_checksums_name_every_file_but_the_list_itself(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.json").write_text("{}")
    (tmp_path / "SHA256SUMS").write_text("old")

    assert publish.checksums(tmp_path) == f"{hashlib.sha256(b'{}').hexdigest()}  base/a.json\n"


def test_the_loss_record_averages_and_keeps_the_time(tmp_path):
    lines = [
        {"step": i, "loss": float(i), "tokens": 10 * i, "seconds": 36.0 * i} for i in range(1, 101)
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(line) for line in lines))

    found = publish.loss_record(tmp_path, hardware="a test", points=10)

    assert found["tokens"] == [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
    assert found["loss"][0] == 5.5
    assert found["hours"] == 1.0
    assert found["steps"] == 100


def test_weights_that_are_too_large_are_not_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "MAX_BYTES", 3)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"1234")

    with pytest.raises(ValueError, match="the weights have 4 bytes, more than the 3"):
        publish.publish(tmp_path, hardware="a test", package=tmp_path / "package")

    assert not (tmp_path / "package").exists()


def test_only_the_table_of_the_card_is_replaced(tmp_path):
    card = tmp_path / "CARD.md"
    card.write_text(
        "before\n" + publish.CARD_MARKS[0] + "old\n" + publish.CARD_MARKS[1] + "after\n"
    )
    results = {"accuracy": {}, "perplexity": {"prose": 2.0}}

    publish.write_card(card, results)

    assert (
        card.read_text()
        == "before\n"
        + publish.CARD_MARKS[0]
        + "\n"
        + table(results)
        + "\n\n"
        + publish.CARD_MARKS[1]
        + "after\n"
    )


def test_a_run_that_is_not_finished_is_reported_without_a_trace(tmp_path, capsys):
    assert publish.main([str(tmp_path), "--hardware", "x"]) == 1
    assert "nothing to publish" in capsys.readouterr().err


def test_the_shipped_weights_have_the_listed_checksums_and_size():
    assert (PACKAGE / "weights" / "SHA256SUMS").read_text() == publish.checksums(
        PACKAGE / "weights"
    )
    for role in SHIPPED:
        size = (PACKAGE / "weights" / role / "model.safetensors").stat().st_size
        assert size <= publish.MAX_BYTES


@pytest.mark.parametrize("role", SHIPPED)
def test_the_model_card_prints_the_recorded_evaluation(role):
    evaluation, _ = publish.RECORDS[role]

    assert table(record(evaluation)) in (PACKAGE / "cards" / f"{role}.md").read_text()


def test_the_shipped_model_meets_the_figures_that_the_book_relies_on():
    share = {name: found["share"] for name, found in record("evaluation")["accuracy"].items()}

    assert share["word problems, step by step"] >= 0.90
    assert share["word problems, step by step"] - share["word problems, answered directly"] >= 0.50
    assert share["capitals, zero-shot"] >= 1.0
    assert share["in-context rules, 3 examples"] >= 0.95
    assert share["in-context rules, 3 examples"] - share["in-context rules, 0 examples"] >= 0.40
    assert share["question about a context, unseen names"] >= 0.9


def test_an_unknown_record_is_refused():
    with pytest.raises(ValueError, match="name must be one of"):
        record("nothing")
