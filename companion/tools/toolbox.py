"""The toolbox: which tools a model may call, and everything that happens between call and result.

A call is looked up in the allow-list, its arguments are validated against the schema, the function
runs with a time limit, and what it returns is checked. Whatever goes wrong becomes a result *for
the model*: a sentence that says what to do, without a traceback. Taught in
:doc:`/book/applications/function-calling`.

The time limit has limits itself: see `companion.tools.execution`.
"""

import copy
import difflib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from companion._extras import require
from companion.errors import ToolDefinitionError
from companion.phrases import TOOLS_PROMPT
from companion.tools.call import ToolCall
from companion.tools.execution import RunningCall, ToolResult
from companion.tools.tool import Tool


class Toolbox:
    """The allow-list of tools. Taught in :doc:`/book/applications/function-calling`.

    Args:
        tools: Tools, or functions that `Tool.from_function` can take.
        timeout: Seconds that a call may take. None runs it without a limit, in this thread.
        max_output: Longest result, in characters of JSON.
        max_abandoned: Calls given up that may still be running; while there are as many, further
            calls are refused. The calls of one turn start together, so that one turn can exceed it.

    Raises:
        ToolDefinitionError: If there is no tool, two have the same name, or one can't be made.
        ValueError: If a limit is not positive.
        MissingExtraError: If jsonschema is not installed.

    Example:
        >>> from companion.tools.calculator import calculator
        >>> toolbox = Toolbox([calculator])
        >>> toolbox.run(ToolCall("calculator", {"expression": "6 * 7"})).content()
        '{"value": 42}'
        >>> toolbox.run(ToolCall("calculatr")).error
        "there is no tool 'calculatr'. Did you mean calculator?"
    """

    def __init__(
        self,
        tools: Sequence[Tool | Callable[..., Any]],
        *,
        timeout: float | None = 10.0,
        max_output: int = 4000,
        max_abandoned: int = 4,
    ) -> None:
        for name, limit in [
            ("timeout", timeout),
            ("max_output", max_output),
            ("max_abandoned", max_abandoned),
        ]:
            if limit is not None and not limit > 0:
                raise ValueError(f"{name} must be above 0, got {limit}")
        made = [tool if isinstance(tool, Tool) else Tool.from_function(tool) for tool in tools]
        self._tools = {tool.name: tool for tool in made}
        if not made or len(self._tools) < len(made):
            names = ", ".join(tool.name for tool in made) or "none"
            raise ToolDefinitionError(
                f"a toolbox needs at least one tool and each name once, got {names}"
            )
        self._validators = {tool.name: _validator(tool.parameters) for tool in made}
        self.timeout, self.max_output, self.max_abandoned = timeout, max_output, max_abandoned
        self._abandoned: list[threading.Thread] = []

    def __iter__(self) -> Iterator[Tool]:
        """Iterate over the tools in their order."""
        return iter(self._tools.values())

    def __len__(self) -> int:
        """Return the number of tools."""
        return len(self._tools)

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a tool of that name."""
        return name in self._tools

    def __getitem__(self, name: str) -> Tool:
        """Return the tool of that name."""
        return self._tools[name]

    def only(self, *names: str) -> "Toolbox":
        """Return a toolbox with some of the tools, in the given order, and the same limits.

        Raises:
            ToolDefinitionError: If one of them is not there.
        """
        missing = [name for name in names if name not in self]
        if missing:
            raise ToolDefinitionError(f"no tool {missing[0]!r}; there are {', '.join(self._tools)}")
        return Toolbox(
            [self[name] for name in names],
            timeout=self.timeout,
            max_output=self.max_output,
            max_abandoned=self.max_abandoned,
        )

    def declarations(self, style: str = "openai") -> list[dict[str, Any]]:
        """Return what a model has to know about the tools.

        Args:
            style: ``"openai"``: what goes into ``tools=`` of a request or of
                ``apply_chat_template``. ``"pocket"``: names and types only.

        Raises:
            ValueError: If the style is neither.
        """
        if style == "openai":
            return [copy.deepcopy(tool.declaration()) for tool in self]
        if style == "pocket":
            return [tool.short_declaration() for tool in self]
        raise ValueError(f"style must be 'openai' or 'pocket', got {style!r}")

    def system_text(self) -> str:
        """Return the system message that tells pocket-chat of the tools."""
        return TOOLS_PROMPT + json.dumps(self.declarations("pocket"))

    def check(self, call: ToolCall) -> ToolResult | None:
        """Look a call up in the allow-list and validate its arguments, without running it.

        Returns:
            None if it may run, else the result that says what is wrong.
        """
        if call.name not in self:
            close = difflib.get_close_matches(call.name[:64], self._tools, n=3)
            hint = (
                f"Did you mean {' or '.join(close)}?"
                if close
                else f"The tools are {', '.join(self._tools)}."
            )
            return ToolResult(
                call, "unknown tool", error=f"there is no tool {call.name[:64]!r}. {hint}"
            )
        wrong = [_wrong(error) for error in self._validators[call.name].iter_errors(call.arguments)]
        if not wrong:
            return None
        failure = f"bad arguments for {call.name}: {'; '.join(sorted(wrong)[:3])}"
        return ToolResult(call, "bad arguments", error=failure)

    def run(self, call: ToolCall) -> ToolResult:
        """Run a call if it is allowed and valid.

        Taught in :doc:`/book/applications/function-calling`.

        Args:
            call: The call.

        Returns:
            The result. No exception of the tool gets through, except those that are meant to
            end the program (Ctrl-C), and only without a time limit.
        """
        return self.run_all([call])[0]

    def run_all(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Run several calls at the same time, each with the full time limit.

        Without a time limit they run one after the other. Returns the results in the order of
        the calls.
        """
        started = [self.check(call) or self._start(call) for call in calls]
        return [
            result if isinstance(result, ToolResult) else self._finish(result) for result in started
        ]

    def _start(self, call: ToolCall) -> ToolResult | RunningCall:
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= self.max_abandoned:
            failure = "earlier calls are still running; try again later"
            return ToolResult(call, "failed", error=failure)
        return RunningCall(self[call.name].run, call, self.timeout)

    def _finish(self, job: RunningCall) -> ToolResult:
        result = job.wait(self.max_output)
        if result.outcome == "timeout":
            self._abandoned.append(job.thread)
        return result


def _validator(schema: dict[str, Any]) -> Any:
    """Return a validator for which 5.0 is no integer: a Python function can tell the two apart."""
    jsonschema = require("jsonschema", extra="tools")
    base = jsonschema.Draft202012Validator
    checker = base.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return jsonschema.validators.extend(base, type_checker=checker)(schema)


def _wrong(error: Any) -> str:
    """Describe what a validator found, shortly."""
    place = "".join(f"[{part!r}]" for part in error.absolute_path)
    message = error.message if len(error.message) <= 160 else error.message[:157] + "..."
    return f"{place}: {message}" if place else message
