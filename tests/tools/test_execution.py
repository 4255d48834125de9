"""A call at work: its time limit, and what the model is told."""

import contextvars
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import ToolError
from companion.tools import Toolbox, ToolCall
from tests.tools.acting import ACT, box


@pytest.mark.parametrize("timeout", [None, 5])
@pytest.mark.parametrize(
    "error", [KeyError("secret"), SystemExit(3), OSError("/etc/secret"), GeneratorExit("secret")]
)
def test_other_exceptions_leak_nothing_and_end_nothing(error, timeout) -> None:
    def fail(n: int) -> None:
        raise error

    result = box(fail, timeout=timeout).run(ACT)

    assert result.outcome == "failed"
    assert result.error == f"act failed with an internal error ({type(error).__name__})"
    assert "secret" not in result.content() + repr(result)
    assert result.exception is error


def test_ctrl_c_without_a_time_limit_gets_through() -> None:
    def interrupt(n: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        box(interrupt, timeout=None).run(ACT)


def test_a_tool_that_takes_too_long_is_given_up(stuck) -> None:
    toolbox = Toolbox([stuck], timeout=0.05)
    began = time.perf_counter()

    result = toolbox.run(ToolCall("wait_for", {"who": "Ann"}))

    assert (result.outcome, result.seconds) == ("timeout", 0.05)
    assert result.error == "wait_for did not finish within 0.05 seconds"
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"x", float("nan"), float("inf"), {(1, 2): 3}, [[object()]]]
)
def test_a_result_that_is_no_json_is_an_error(value: object) -> None:
    result = box(lambda n: value).run(ACT)

    assert (result.outcome, result.error) == ("failed", "act returned something that is not JSON")


def test_a_result_that_holds_itself_is_an_error() -> None:
    endless: list = []
    endless.append(endless)

    assert box(lambda n: endless).run(ACT).outcome == "failed"


def test_a_result_that_is_too_long_is_an_error_not_half_a_result() -> None:
    toolbox = box(lambda n: "x" * n, max_output=100)

    assert toolbox.run(ToolCall("act", {"n": 98})).outcome == "ok"
    assert toolbox.run(ToolCall("act", {"n": 99})).error == (
        "the result of act is too long: 101 characters; at most 100 are allowed. Ask for less."
    )


@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()))
def test_a_result_is_one_line_of_json(value: object) -> None:
    content = box(lambda n: value, timeout=None).run(ACT).content()

    assert json.loads(content) == value
    assert "\n" not in content


def test_a_tool_can_not_change_the_call_it_got() -> None:
    def change(names: list[str]) -> None:
        """Change.

        Args:
            names: Names.
        """
        names.append("x")

    call = ToolCall("change", {"names": ["a"]})

    assert Toolbox([change]).run(call).call.arguments == {"names": ["a"]}


def test_a_result_is_a_copy_of_what_the_tool_keeps() -> None:
    kept = {"a": [1]}

    box(lambda n: kept).run(ACT).value["a"].append(2)

    assert kept == {"a": [1]}


def test_context_variables_are_seen_in_the_thread() -> None:
    user = contextvars.ContextVar("user")
    user.set("Ann")

    assert box(lambda n: user.get()).run(ACT).value == "Ann"


@pytest.mark.parametrize("timeout", [None, 5])
def test_a_message_that_can_not_be_written_is_an_internal_error(timeout) -> None:
    class Broken(ToolError):
        def __str__(self) -> str:
            raise RuntimeError("secret")

    def fail(n: int) -> None:
        raise Broken

    result = box(fail, timeout=timeout).run(ACT)

    assert result.error == "act failed with an internal error (Broken)"
