"""Names of settings in messages: those of the interface in use."""

import contextvars
import threading

import pytest

from companion._checks import check_fields, check_whole
from companion._interface import advice, called, speaking
from companion.generation.params import SamplingParams

NAMES = {"timeout": "--timeout", "tool_form='instruction'": "--text-tools", "source": "SOURCE="}


def test_python_names_arguments() -> None:
    assert called("timeout") == "timeout"
    assert advice("Set {timeout}.", timeout=None) == "Set timeout."
    assert advice("Use {source}.", source="hub") == "Use source='hub'."


def test_a_command_line_names_options_and_values() -> None:
    with speaking(NAMES):
        assert called("timeout") == "--timeout"
        assert advice("Set {timeout}.", timeout=9) == "Set --timeout 9."
        assert advice("Use {source}.", source="hub") == "Use SOURCE=hub."
        assert advice("Or {tool_form}.", tool_form="instruction") == "Or --text-tools."


def test_advice_that_nobody_can_follow_is_left_out() -> None:
    with speaking(NAMES):
        assert advice("Raise {max_bytes}.", max_bytes=None) == ""
        assert advice("{timeout} or {max_bytes}", timeout=None, max_bytes=1) == ""
        assert advice("Use {tool_form}.", tool_form="pocket") == ""


def test_it_ends_with_its_block_whatever_happens() -> None:
    with pytest.raises(OSError, match="gone"), speaking(NAMES):
        raise OSError("gone")

    assert called("timeout") == "timeout"


def test_another_thread_speaks_python_unless_it_takes_the_context() -> None:
    said = []

    def say() -> None:
        said.append(called("timeout"))

    with speaking(NAMES):
        context = contextvars.copy_context()
        for target in (say, lambda: context.run(say)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()

    assert said == ["timeout", "--timeout"]


def test_checks_name_the_option() -> None:
    with speaking({"temperature": "--temperature", "batch_size": "--batch"}):
        with pytest.raises(ValueError, match=r"^--temperature must be .* got -1"):
            SamplingParams(temperature=-1)
        with pytest.raises(ValueError, match=r"^--batch must be a whole number from 1, got 0$"):
            check_whole(batch_size=0)
        with pytest.raises(ValueError, match=r"^k must be even, got 3$"):
            check_fields(type("Owner", (), {"k": 3}), {"k": (False, "even")})
