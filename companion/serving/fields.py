"""The fields of a request, one after the other, each with its rule.

A field that is missing or null has its default, as clients send null for what was not set. Fields
that nobody reads are ignored: each client adds some of its own. Taught in
:doc:`/book/open-models/serving`.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from companion.serving.refusal import Refusal


def read_object(body: bytes) -> dict[str, Any]:
    """Read the JSON object that is the body of a request.

    Raises:
        Refusal: If it is something else.

    Example:
        >>> read_object(b'{"model": "chat"}')
        {'model': 'chat'}
    """

    def no_number(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    try:
        value = json.loads(body, parse_constant=no_number)
    except RecursionError:
        raise Refusal(400, "the body is nested too deeply", code="invalid_json") from None
    except ValueError as error:
        said = f"the body is not JSON ({error!s:.100})"
        raise Refusal(400, said, code="invalid_json") from None
    if not isinstance(value, dict):
        said = f"the body must be an object of JSON, got {_kind(value)}"
        raise Refusal(400, said, code="invalid_json")
    return value


class Fields:
    """The fields of an object in a request.

    Args:
        given: The object.
        path: How the object is called in messages; nothing for the body itself.

    Example:
        >>> fields = Fields({"n": 2, "temperature": None})
        >>> fields.whole("n", 1, low=1), fields.number("temperature", 1.0, low=0)
        (2, 1.0)
    """

    def __init__(self, given: Mapping[str, Any], path: str = "") -> None:
        self.given, self.path = given, path

    def name(self, field: str) -> str:
        """Return how a field is called in messages."""
        return f"{self.path}.{field}" if self.path else field

    def refuse(self, field: str, rule: str, *, code: str | None = None) -> NoReturn:
        """Refuse the request for one of its fields.

        Args:
            field: The field.
            rule: What it must be, such as ``"must be a number"``.
            code: As in `Refusal`.
        """
        name = self.name(field)
        value = self.given.get(field)
        got = "" if value is None else f", got {_shown(value)}"
        raise Refusal(400, f"{name} {rule}{got}", param=name, code=code)

    def get(self, field: str) -> Any:
        """Return a field as it is; None if it is missing."""
        return self.given.get(field)

    def flag(self, field: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self.given.get(field)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(field, "must be true or false")
        return value

    def whole(self, field: str, default: Any, *, low: int, high: int | None = None) -> Any:
        """Return a whole number from ``low`` to ``high``."""
        value = self.given.get(field)
        if value is None:
            return default
        right = isinstance(value, int) and not isinstance(value, bool)
        if not right or value < low or (high is not None and value > high):
            rule = f"from {low}" if high is None else f"from {low} to {high}"
            self.refuse(field, f"must be a whole number {rule}")
        return value

    def number(
        self, field: str, default: float, *, low: float, high: float = math.inf, above: bool = False
    ) -> float:
        """Return a number from ``low`` (or above it) to ``high``."""
        value = self.given.get(field)
        if value is None:
            return default
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not low <= value <= high or (above and value == low):
            lowest = f"above {low:g}" if above else f"from {low:g}"
            highest = "" if high == math.inf else f" and at most {high:g}"
            self.refuse(field, f"must be a number {lowest}{highest}")
        return float(value)

    def text(self, field: str) -> str | None:
        """Return a text, None if there is none."""
        value = self.given.get(field)
        if value is not None and not isinstance(value, str):
            self.refuse(field, "must be a text")
        if value is not None and not is_text(value):
            self.refuse(field, "holds half a character (a lone surrogate)")
        return value

    def inner(self, field: str) -> "Fields | None":
        """Return the fields of an object, None if there is none."""
        value = self.given.get(field)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.refuse(field, "must be an object")
        return Fields(value, self.name(field))

    def items(self, field: str) -> list[Any]:
        """Return a list, an empty one if there is none."""
        value = self.given.get(field)
        if value is not None and not isinstance(value, list):
            self.refuse(field, "must be a list")
        return value or []


def is_text(value: str) -> bool:
    """Tell whether a text can be written as UTF-8: it holds no half of a pair of surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _shown(value: Any) -> str:
    written = json.dumps(value)
    return written if len(written) <= 60 else f"{written[:60]}..."
