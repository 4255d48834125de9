"""The options of `companion serve`, and the key."""

import argparse
from pathlib import Path

import pytest

from companion.serving import options
from companion.serving.options import KEY_VARIABLE, ServeOptions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": -1}, "--port must be from 0 to 65535"),
        ({"port": 65536}, "--port must be"),
        ({"queue": -1}, "queue must be a whole number from 0"),
        ({"batch": 0}, "batch must be a whole number from 1"),
        ({"max_tokens": 0}, "max_tokens must be"),
        ({"context": 0}, "context must be"),
        ({"threads": 0}, "threads must be"),
        ({"timeout": 0}, "timeout must be above 0"),
        ({"key": "secret"}, "--key must be @FILE"),
    ],
)
def test_a_wrong_option_is_named(given: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ServeOptions(**given)


def test_each_option_of_the_command_line_has_the_default_of_the_class() -> None:
    parser = argparse.ArgumentParser()
    options.add_options(parser)

    given = {name: value for name, value in vars(parser.parse_args([])).items() if value != []}
    plain = vars(ServeOptions())
    assert given == {name: plain[name] for name in given}
    assert set(vars(parser.parse_args([]))) == set(plain)


def test_the_key_comes_from_a_file_else_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(" from-file\n")

    assert ServeOptions(key=f"@{file}").secret({KEY_VARIABLE: "x"}) == "from-file"
    assert ServeOptions().secret({KEY_VARIABLE: "from-environment"}) == "from-environment"
    assert ServeOptions().secret({}) is None


@pytest.mark.parametrize("content", ["", "two words", "naïve"])
def test_a_key_that_no_header_can_carry_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.txt"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ValueError, match="must hold a key") as error:
        ServeOptions(key=f"@{file}").secret({})
    assert not content or content not in str(error.value)
