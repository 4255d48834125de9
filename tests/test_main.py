"""The command line."""

from pathlib import Path

import pytest

from companion.__main__ import main
from companion.models import loading


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the list of models depend on nothing that this machine has downloaded."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("arguments", [["--help"], ["models", "--help"], ["--version"]])
def test_help_ends_without_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 0
    assert capsys.readouterr().out


def test_the_help_explains_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["models", "--help"])

    said = capsys.readouterr().out
    assert all(word in said for word in ("download", "memory", "fits", "--json", "load("))


@pytest.mark.parametrize("arguments", [[], ["fly"], ["models", "--yaml"]])
def test_an_unknown_command_ends_with_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 2
    assert "usage: companion" in capsys.readouterr().err


def test_an_unknown_source_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMPANION_MODELS", "nonsense")

    assert main(["models"]) == 1
    assert "got 'nonsense'" in capsys.readouterr().err


def test_damaged_weights_end_with_status_1_and_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    monkeypatch.setattr(loading, "WEIGHTS_ROOT", tmp_path)

    status = main(["models"])

    assert status == 1
    assert "base lacks a .safetensors file" in capsys.readouterr().err
