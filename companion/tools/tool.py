"""A tool: a typed, documented Python function, and the JSON Schema that tells a model about it.

The schema is read from the type hints and the Google docstring, by `transformers`. One docstring
so serves the reader of the code and the model. Left out: tools written as a bare schema, arguments
that JSON can't carry (see `companion.tools.conversion`). Taught in
:doc:`/book/applications/function-calling`.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from companion._extras import require
from companion._interface import advice
from companion.errors import ToolDefinitionError
from companion.tools.conversion import check_hint, convert_all, describable, tighten

Example = tuple[str, dict[str, Any]]
Function = TypeVar("Function", bound=Callable[..., Any])

EXAMPLES = "tool_examples"
"""Attribute of a function in which `shown_by` keeps them."""

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
"""Names that endpoints take."""


@dataclass(frozen=True)
class Tool:
    """What a model may call, made by `Tool.from_function`.

    Args:
        name: Name that the model writes.
        description: What it does, for the model.
        parameters: JSON Schema of the arguments: an object without further properties.
        function: What is run, with the arguments as keywords.
        needs_approval: True if a person has to agree to each call.
        hints: The types of the arguments, by name. Those without one are given as JSON has them.
        strict: Whether an endpoint may be asked to write calls by the schema alone, if that has the
            form which it takes for this.
        examples: Requests of a user, each with the arguments of the call that it needs. A model
            that was not trained to call tools learns from them how it is done.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    function: Callable[..., Any] = field(repr=False)
    needs_approval: bool = False
    hints: dict[str, Any] = field(default_factory=dict, repr=False)
    strict: bool = True
    examples: tuple[Example, ...] = ()

    @classmethod
    def from_function(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        needs_approval: bool = False,
        examples: Iterable[tuple[str, Mapping[str, Any]]] | None = None,
    ) -> "Tool":
        """Make a tool from a function with type hints and a Google docstring.

        Taught in :doc:`/book/applications/function-calling`.

        Args:
            function: Takes arguments that JSON can carry, and returns such a value. It raises
                `companion.errors.ToolError` to tell the model what is wrong.
            name: Name of the tool; the function's if None.
            description: What the model reads; the docstring's first paragraph if None. What
                follows in the docstring is for people.
            needs_approval: True if a person has to agree to each call.
            examples: As in `Tool`; those that `shown_by` gave the function if None.

        Returns:
            The tool.

        Raises:
            ToolDefinitionError: If a type hint or the description of an argument is missing, a
                type has no JSON form, the name is not a plain one, or an example does not fit.
            MissingExtraError: If jsonschema is not installed.

        Example:
            >>> def area(width: float, height: float) -> float:
            ...     '''Compute the area of a rectangle.
            ...
            ...     Args:
            ...         width: Width in meters.
            ...         height: Height in meters.
            ...     '''
            ...     return width * height
            >>> tool = Tool.from_function(area)
            >>> tool.description, tool.parameters["required"]
            ('Compute the area of a rectangle.', ['width', 'height'])
        """
        if not inspect.isroutine(function):  # a partial or an object has no docstring of its own
            raise ToolDefinitionError(
                f"a tool is made from a function, got {function!r:.80}. Write a function with type "
                "hints and a docstring that calls it."
            )
        name = function.__name__ if name is None else name
        if not NAME.fullmatch(name):
            raise ToolDefinitionError(
                f"{name!r} is no name for a tool: use at most 64 letters, digits, _ and -, a "
                f"letter first.{advice(' Give another one by {name}.', name=None)}"
            )
        _check_signature(name, function)
        hints = _hints(name, function)
        schema = _schema(name, function, hints)
        text = _first_paragraph(schema["description"]) if description is None else description
        if not text.strip():
            raise ToolDefinitionError(f"the tool {name} has an empty description: say what it does")
        if examples is None:
            examples = getattr(function, EXAMPLES, ())
        given = _check_examples(name, parameters := schema["parameters"], examples)
        return cls(name, text, parameters, function, needs_approval, hints, examples=given)

    def run(self, **arguments: Any) -> Any:
        """Run the function with arguments that are valid for the schema, in its own types."""
        return self.function(**convert_all(arguments, self.hints))

    def declaration(self) -> dict[str, Any]:
        """Return the declaration in the form of OpenAI's Chat Completions.

        The chat templates of open models take the same form. ``strict`` asks an endpoint for
        constrained decoding; the form allows it only where every argument is required.
        """
        names = self.parameters["properties"]
        function = {"name": self.name, "description": self.description}
        if self.strict and list(names) == self.parameters.get("required", []):
            function["strict"] = True
        return {"type": "function", "function": function | {"parameters": self.parameters}}

    def short_declaration(self) -> dict[str, Any]:
        """Return the declaration as pocket-chat learned it: names and types only."""
        properties = self.parameters["properties"]
        return {
            "name": self.name,
            "parameters": {name: _short_type(schema) for name, schema in properties.items()},
        }


def shown_by(*examples: tuple[str, Mapping[str, Any]]) -> Callable[[Function], Function]:
    """Give a function examples of its use, for the tool that is made from it.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        examples: As in `Tool`.

    Returns:
        A decorator. The function itself stays as it is.

    Example:
        >>> @shown_by(("Wake me in 10 minutes.", {"minutes": 10}))
        ... def set_timer(minutes: int) -> str:
        ...     '''Start a timer.
        ...
        ...     Args:
        ...         minutes: Minutes until it rings.
        ...     '''
        ...     return "started"
        >>> Tool.from_function(set_timer).examples
        (('Wake me in 10 minutes.', {'minutes': 10}),)
    """

    def mark(function: Function) -> Function:
        setattr(function, EXAMPLES, examples)
        return function

    return mark


def _check_examples(
    name: str, parameters: dict[str, Any], examples: Iterable[tuple[str, Mapping[str, Any]]]
) -> tuple[Example, ...]:
    """Insist on examples that are what a model should write."""
    jsonschema = require("jsonschema", extra="tools")
    given = []
    for request, arguments in examples:
        if not isinstance(request, str) or not request.strip():
            raise ToolDefinitionError(f"an example of the tool {name} has no request: {request!r}")
        try:
            jsonschema.validate(dict(arguments), parameters)
        except jsonschema.ValidationError as error:
            raise ToolDefinitionError(
                f"the example {request!r:.60} of the tool {name} does not fit it: "
                f"{error.message:.200}"
            ) from error
        given.append((request, dict(arguments)))
    return tuple(given)


def _check_signature(name: str, function: Callable[..., Any]) -> None:
    """Insist on arguments that can be given by name and have a type."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ToolDefinitionError(
            f"the tool {name} is an async function, and nothing here awaits it. Wrap it in a "
            "function that calls asyncio.run."
        )
    if inspect.isgeneratorfunction(function):
        raise ToolDefinitionError(f"the tool {name} yields values: let it return a list of them")
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ToolDefinitionError(
                f"the tool {name} takes {parameter}: a model needs to know every argument. "
                "Name them one by one."
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise ToolDefinitionError(
                f"the argument {parameter.name} of the tool {name} can't be given by name; leave "
                "out the / in its signature"
            )


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of the arguments, each of which JSON can carry."""
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise ToolDefinitionError(f"a type hint of the tool {name} is unknown: {error}") from error
    except TypeError:  # an object with __call__: the schema says what is missing
        return {}
    hints.pop("return", None)
    for argument, hint in hints.items():
        check_hint(name, argument, hint)
    return hints


def _schema(name: str, function: Callable[..., Any], hints: dict[str, Any]) -> dict[str, Any]:
    """Return the function's schema with no further properties, checked."""
    from transformers.utils import chat_template_utils as reader  # here: takes a second to import

    unclear = (reader.DocstringParsingException, reader.TypeHintParsingException, NameError)
    try:
        schema = reader.get_json_schema(_with_hints(function, hints))["function"]
    except unclear as error:
        raise ToolDefinitionError(
            f"the function of the tool {name} does not tell what a model needs: {error} A tool "
            "has a type hint for every argument, and a docstring with an Args section."
        ) from error
    parameters = _nullable(tighten(schema["parameters"])) | {"additionalProperties": False}
    jsonschema = require("jsonschema", extra="tools")
    try:
        jsonschema.Draft202012Validator.check_schema(parameters)
    except jsonschema.SchemaError as error:
        raise ToolDefinitionError(
            f"an argument of the tool {name} has a type without a JSON form: {error.message}"
        ) from error
    return schema | {"parameters": parameters}


def _with_hints(function: Callable[..., Any], hints: dict[str, Any]) -> Callable[..., Any]:
    """Return something that reads like the function, in types that can be described."""
    if not inspect.isfunction(function):
        return function

    @functools.wraps(function)
    def described() -> None: ...

    described.__annotations__ = function.__annotations__ | {
        argument: describable(hint) for argument, hint in hints.items()
    }
    return described


def _nullable(schema: Any) -> Any:
    """Write ``X | None`` as JSON Schema does: ``nullable`` is OpenAPI and checks nothing."""
    if isinstance(schema, list):
        return [_nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _nullable(value) for key, value in schema.items()}
    if schema.get("nullable") is not True:
        return schema
    del schema["nullable"]
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if "type" in schema:
        schema["type"] = list(dict.fromkeys([*_as_list(schema["type"]), "null"]))
    if "enum" in schema:
        schema["enum"] = list(dict.fromkeys([*schema["enum"], None]))
    return schema


def _as_list(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _short_type(schema: dict[str, Any]) -> str:
    return " or ".join(_as_list(schema.get("type", "any")))


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())
