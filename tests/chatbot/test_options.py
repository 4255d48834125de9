"""The options of `companion chat`."""

import subprocess
import sys

import pytest

from companion.__main__ import main
from companion.chatbot.options import KEY_VARIABLE, PORT, ChatOptions


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
