"""How far a run is, read without its weights."""

import json
from pathlib import Path

import pytest

from companion.errors import CheckpointError
from companion.training.processes.progress import NAME, how_to_go_on, read, steps_done

FACTS = {"step": 7, "parts": "step-000007", "processes": 2, "recipe": {"seed": 0}}


def test_a_checkpoint_says_its_step_and_its_recipe(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps(FACTS))

    assert read(tmp_path) == FACTS
    assert steps_done(tmp_path) == 7


def test_without_a_checkpoint_nothing_is_done(tmp_path: Path) -> None:
    assert read(tmp_path / "nowhere") is None
    assert steps_done(tmp_path) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "7",
        "null",
        json.dumps(FACTS | {"step": "7"}),
        json.dumps(FACTS | {"recipe": []}),
        json.dumps({key: value for key, value in FACTS.items() if key != "parts"}),
        json.dumps(FACTS | {"parts": "../elsewhere"}),
        json.dumps(FACTS | {"parts": "/etc"}),
        json.dumps(FACTS | {"sha256": {"../elsewhere": "00"}}),
        json.dumps(FACTS | {"sha256": 7}),
        json.dumps(FACTS | {"sha256": ["x"]}),
        json.dumps(FACTS | {"sha256": {"x": 7}}),
    ],
)
def test_a_damaged_one_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)

    with pytest.raises(CheckpointError, match=r"cannot be read .* Delete it to start from the"):
        steps_done(tmp_path)


def test_bytes_that_are_no_text_are_damage_too(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(CheckpointError, match=NAME):
        read(tmp_path)


def test_the_checkpoint_is_named(tmp_path: Path) -> None:
    assert "No checkpoint was written yet" in how_to_go_on(tmp_path)
    facts = {"step": 7, "parts": "step-000007", "recipe": {}}
    (tmp_path / NAME).write_text(json.dumps(facts))

    assert how_to_go_on(tmp_path).startswith(f"{tmp_path} has the checkpoint of step 7. To go on")


def test_a_damaged_checkpoint_is_no_reason_for_a_traceback(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("half of")

    assert "Delete it to start from the beginning. Then start" in how_to_go_on(tmp_path)
