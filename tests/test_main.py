"""The command line."""

from pathlib import Path

import pytest

from companion.__main__ import main
from companion.models import loading


def test_the_command_lists_roles_sizes_and_licenses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "role", "source", "model", "parameters", "memory", "fits", "license"
    ]  # fmt: skip
    gpt2 = next(line for line in lines if "openai-community/gpt2" in line)
    assert "124.4 M" in gpt2
    assert gpt2.endswith("MIT")
    assert any(line.startswith("-") and "SmolLM2-360M-Instruct" in line for line in lines)


@pytest.mark.parametrize("arguments", [["--help"], ["models", "--help"], ["--version"]])
def test_help_ends_without_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["fly"]])
def test_an_unknown_command_ends_with_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)

    assert end.value.code == 2
    assert "usage: companion" in capsys.readouterr().err


def test_damaged_weights_end_with_status_1_and_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    monkeypatch.setattr(loading, "WEIGHTS_ROOT", tmp_path)

    status = main(["models"])

    assert status == 1
    assert "base lacks a .safetensors file" in capsys.readouterr().err
