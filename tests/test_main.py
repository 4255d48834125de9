"""The command line."""

import pytest

from companion.__main__ import main


def test_the_command_lists_roles_sizes_and_licenses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "role", "source", "model", "parameters", "memory", "fits", "license"
    ]  # fmt: skip
    gpt2 = next(line for line in lines if "openai-community/gpt2" in line)
    assert "124.4 M" in gpt2
    assert gpt2.endswith("MIT")


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
