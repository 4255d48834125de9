"""The options of `companion chat`."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from companion.__main__ import main
from companion.chatbot.options import KEY_VARIABLE, PORT, ChatOptions, add_options


def test_the_help_is_fast_and_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys; from companion.__main__ import main\n"
        "try: main(['chat', '--help'])\n"
        "except SystemExit: print([m for m in ('torch', 'openai', 'starlette', 'readline', "
        "'prompt_toolkit', 'mcp', 'companion.chatbot.bot') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
    for field in ChatOptions.__dataclass_fields__:
        assert f"--{field.replace('_', '-')}" in done.stdout
    assert "--no-thinking" in done.stdout
    assert KEY_VARIABLE in done.stdout
    assert f"default {PORT};" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["--port", "x"], ["--temperature", "hot"], ["--fly"], ["now"]]
)
def test_a_wrong_option_ends_with_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["chat", *arguments])

    assert end.value.code == 2
    assert "usage: companion" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"context": 0}, "context must be a whole number from 1"),
        ({"timeout": 0.0}, "timeout must be"),
        ({"port": 2**16}, "--port must be from 0 to 65535, got 65536"),
        ({"port": -1}, "--port must be"),
        ({"prompt": "x", "web": True}, "-p asks once and --web serves a page"),
        ({"no_save": True}, "--conversations and --no-save are for the page"),
        ({"conversations": Path("x")}, "--conversations and --no-save are for the page"),
        ({"web": True, "no_save": True, "conversations": Path("x")}, "--no-save keeps no"),
        ({"text_tools": "pocket", "tools": True}, "--text-tools is for a model behind an"),
        ({"text_tools": "pocket", "endpoint": "http://x"}, "--text-tools is for a model"),
        ({"allow": ["x"]}, "--allow and --audit are for tools"),
        ({"audit": Path("x")}, "--allow and --audit are for tools"),
    ],
)
def test_options_that_contradict_one_another_are_named(given: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ChatOptions(**given)


def test_the_command_line_has_the_defaults_of_the_class() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)

    found = vars(parser.parse_args([]))

    assert {name: found[name] for name in ChatOptions.__dataclass_fields__} == {
        name: list(value) if isinstance(value := getattr(ChatOptions(), name), tuple) else value
        for name in ChatOptions.__dataclass_fields__
    }


def test_options_may_be_given_more_than_once_or_have_a_short_form() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)

    found = parser.parse_args(
        ["--tool", "a.py:f", "--tool", "b.py:g", "--open", "--no-thinking", "--text-tools"]
    )

    assert found.tool == ["a.py:f", "b.py:g"]
    assert (found.model, found.thinking, found.text_tools) == ("smollm2", False, "instruction")
    assert ChatOptions(mcp=["x"]).has_tools
    assert not ChatOptions().has_tools
