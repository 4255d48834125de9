"""LoRA and QLoRA on the open model: short runs on pocket-chat."""

import pytest

from companion.models import load
from companion.pocket.experiments import _adapting, open_lora
from companion.pocket.experiments._exact_instructions import Item, items

pytest.importorskip("trl")
SMALL = {"scale": 0.02, "model": "chat"}


@pytest.mark.slow
def test_a_trial_returns_the_loss_on_development_items(tmp_path) -> None:
    high, low = (
        open_lora.one_trial(rate, folder=str(tmp_path / rate), **SMALL) for rate in ("1e-2", "1e-9")
    )

    assert len(high["losses"]) == 3
    assert high["loss"] < low["loss"] - 0.2


@pytest.mark.slow
def test_training_that_was_stopped_goes_on_and_a_finished_one_is_not_repeated(tmp_path) -> None:
    told = {"folder": str(tmp_path), "rate": 1e-3, **SMALL}

    first, second = (open_lora.one_variant("lora", **told) for _ in range(2))

    assert second["losses"] == first["losses"]
    assert second["kinds"] == first["kinds"]
    assert first["seconds_per_step"] > 0
    assert second["seconds_per_step"] is None


def test_qlora_keeps_its_weights_in_the_bytes_that_the_calculator_says(tmp_path) -> None:
    pytest.importorskip("bitsandbytes")

    found = open_lora.one_variant("qlora", folder=str(tmp_path), rate=1e-3, **SMALL)

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
