"""Structured output: a model can only write JSON that keeps to a schema.

A grammar is made from a JSON Schema, and `companion.backends.grammars` holds the model to it. The
schema is a dict, such as Pydantic's ``model_json_schema()`` returns. Not every rule can be said by
a grammar, so what comes back is validated all the same, with ``model_validate_json``; and what is
valid need not be true. Taught in :doc:`/book/applications/structured-output`.

The spacing is that of ``json.dumps``. Strings, lists and numbers are kept short, so that an object
comes to an end. Only a generation that was cut off (``finish_reason == "length"``) can still be
incomplete: leave room in ``max_new_tokens``. Numbers have at most six decimals.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from companion.backends.grammars import GrammarConstraint

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MAX_ITEMS = 16
MAX_NUMBER = 2**53
SMALLEST_STEP = 1e-6

SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class SchemaConstraint(GrammarConstraint):
    """A ``logits_filter`` for `companion.generate` that lets only JSON of a schema through.

    Taught in :doc:`/book/applications/structured-output`.

    Args:
        model: The causal language model; tells which tokens end a text.
        tokenizer: Its tokenizer, of the fast kind.
        schemas: A JSON Schema for all sequences of the batch, or one for each of them.
        max_string: Longest text in a field, in characters, where the schema does not say.

    Raises:
        ValueError: If the tokenizer is not a fast one, or nothing ends a text.
        ToolDefinitionError: If a schema has a rule that no grammar can be made of.
        MissingExtraError: If llguidance is not installed.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        schemas: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        max_string: int = 200,
    ) -> None:
        shared = isinstance(schemas, Mapping)
        grammars = [
            f"start: {json_rule(schema, max_string)}"
            for schema in ([schemas] if shared else schemas)
        ]
        super().__init__(model, tokenizer, grammars[0] if shared else grammars)


def json_rule(schema: Mapping[str, Any], max_string: int = 200) -> str:
    """Return what stands for the JSON of a schema in the Lark notation of llguidance.

    Args:
        schema: The JSON Schema.
        max_string: Longest text in a field, in characters, where the schema does not say.
    """
    return f"%json {json.dumps(bounded(dict(schema), max_string) | {'x-guidance': SPACING})}"


def bounded(schema: Any, max_string: int = 200) -> Any:
    """Return a JSON Schema in which strings, lists and numbers can't go on forever.

    Example:
        >>> bounded({"type": "string"})
        {'type': 'string', 'maxLength': 200}
    """
    if isinstance(schema, list):
        return [bounded(item, max_string) for item in schema]
    if not isinstance(schema, dict):
        return schema
    limited = {key: bounded(value, max_string) for key, value in schema.items()}
    kinds = limited.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "enum" in limited or not isinstance(kinds, list):
        return limited
    limits: dict[str, Any] = {}
    if "string" in kinds:
        limits["maxLength"] = max_string
    if "array" in kinds and "prefixItems" not in limited:
        limits["maxItems"] = MAX_ITEMS
    if "integer" in kinds or "number" in kinds:
        limits |= {"minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
    if "number" in kinds:
        limits["multipleOf"] = SMALLEST_STEP
    return limited | {key: value for key, value in limits.items() if key not in limited}


def response_format(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``response_format`` with which an endpoint is asked for JSON of a schema.

    Taught in :doc:`/book/applications/structured-output`.

    Args:
        name: Name of the schema: letters, digits, ``_`` and ``-``.
        schema: The JSON Schema.

    Example:
        >>> response_format("answer", {"enum": ["yes", "no"]})["json_schema"]["strict"]
        True
    """
    described = {"name": name, "strict": True, "schema": dict(schema)}
    return {"type": "json_schema", "json_schema": described}
