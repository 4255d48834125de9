"""LoRA and QLoRA on the open model: short runs on pocket-chat."""

import pytest
from _experiments import _adapting
from _experiments._exact_instructions import KINDS, Item, items
from _experiments._open_adapter import Plan, one_training, one_trial

from companion.models import load
from companion.pocket.records import record

pytest.importorskip("trl")


def small(folder, *, rate: float = 1e-3, quantization: str | None = None) -> Plan:
    return Plan(str(folder), 0.02, "chat", 3, rate, quantization)


@pytest.mark.slow
def test_a_trial_returns_the_loss_on_development_items(tmp_path) -> None:
    high, low = (one_trial(str(rate), plan=small(tmp_path, rate=rate)) for rate in (1e-2, 1e-9))

    assert len(high["losses"]) == 3
    assert high["loss"] < low["loss"] - 0.2


@pytest.mark.slow
def test_training_that_was_finished_is_not_repeated(tmp_path) -> None:
    first, second = (one_training("after", plan=small(tmp_path)) for _ in range(2))

    assert second["losses"] == first["losses"]
    assert first["seconds_per_step"] > 0
    assert second["seconds_per_step"] is None


@pytest.mark.slow
def test_a_finished_adapter_is_loaded_again(tmp_path) -> None:
    first = one_training("after", plan=small(tmp_path, rate=1e-2))
    for answers in tmp_path.glob("after-*.json"):
        answers.unlink()

    second = one_training("after", plan=small(tmp_path, rate=1e-2))

    assert second["kinds"] == first["kinds"]
    assert second["perplexity"] == pytest.approx(first["perplexity"], rel=1e-3)


@pytest.mark.slow
def test_qlora_keeps_its_weights_in_the_bytes_that_the_calculator_says(tmp_path) -> None:
    pytest.importorskip("bitsandbytes")

    found = one_training("after", plan=small(tmp_path, quantization="nf4"))

    assert found["weight_bytes"] == pytest.approx(found["computed_bytes"], rel=0.02)
    assert found["weight_bytes"] < 0.3 * 4 * found["parameters"]
    assert found["mean"] == _adapting.mean_share(found["kinds"])


def test_answers_are_counted_by_kind() -> None:
    chat = load("chat", source="pocket")
    asked = {"label": [Item("label", "Is Rome the capital of Italy?", "never")]}

    found = _adapting.follows(chat, asked)

    assert found["label"]["right"] == found["label"]["said"] == 0
    assert found["label"]["total"] == len(found["label"]["texts"]) == 1


def test_the_loss_on_answers_is_that_of_the_tokens_of_the_answer() -> None:
    chat = load("chat", source="pocket")
    (item, *_) = items("upper case", "development", 1)

    likely = _adapting.answer_loss(chat, [item._replace(answer="The capital")])
    unlikely = _adapting.answer_loss(chat, [item._replace(answer="}{")])

    assert 0 < likely < unlikely


def test_the_record_says_what_was_chosen_and_that_exact_forms_are_learned() -> None:
    stored = record("open_lora")
    losses = {float(rate): found["loss"] for rate, found in stored["trials"].items()}

    assert stored["settings"]["learning_rate"] == min(losses, key=losses.get)
    assert len(stored["after"]["losses"]) == stored["settings"]["steps"]
    for when in ("before", "after"):
        kinds = stored[when]["kinds"]
        assert stored[when]["mean"] == _adapting.mean_share(kinds)
        assert {kind: found["total"] for kind, found in kinds.items()} == {
            kind: 40 if kind == "call" else 20 for kind in KINDS
        }
    assert stored["after"]["mean"] > stored["before"]["mean"] + 0.4


def test_the_record_of_qlora_is_measured_on_the_items_of_lora() -> None:
    lora, stored = record("open_lora"), record("open_qlora")
    after = stored["after"]

    assert stored["settings"]["learning_rate"] == lora["settings"]["learning_rate"]
    assert len(after["losses"]) == stored["settings"]["steps"]
    assert after["mean"] == _adapting.mean_share(after["kinds"])
    totals = {kind: found["total"] for kind, found in lora["after"]["kinds"].items()}
    assert {kind: found["total"] for kind, found in after["kinds"].items()} == totals
    assert after["weight_bytes"] < 0.4 * lora["after"]["weight_bytes"]
