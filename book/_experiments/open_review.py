"""The open model reviews functions in four parts, in words and held to a schema; a program checks.

Role, task, code and output format, as prompts for code reviews have them: quality from 1 to 10,
issues, suggestions, improved code. The improved code runs in the sandbox that grades exercises.
Taught in :doc:`/book/applications/structured-output`.
"""

import ast
import json
from collections.abc import Sequence
from typing import Any

from companion.backends.structured import SchemaConstraint
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.prompts import fill
from companion.prompts.evaluation import Accuracy

from ._reviewed import FUNCTIONS, Function, run_calls
from ._side_by_side import ORIGIN, check_split, counted, load_columns, part

REMARKS = {
    "type": "array",
    "items": {"type": "string", "minLength": 10, "maxLength": 120},
    "minItems": 1,
    "maxItems": 3,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "quality": {"type": "integer", "minimum": 1, "maximum": 10},
        "issues": REMARKS,
        "suggestions": REMARKS,
        "improved_code": {"type": "string", "maxLength": 400},
    },
    "required": ["quality", "issues", "suggestions", "improved_code"],
    "additionalProperties": False,
}
PROMPT = (
    "Role: You are an experienced Python developer.\n"
    "Task: Review the function below. Look for inputs for which it fails.\n"
    "Code:\n{code}\n"
    "Output: JSON with four parts.\n"
    "quality: a whole number from 1 to 10\n"
    "issues: a list of texts, what is wrong and for which input\n"
    "suggestions: a list of texts, how to repair it\n"
    "improved_code: the whole function, repaired"
)
EXAMPLE = {
    "quality": 4,
    "issues": ["An empty text has no words, so [0] raises IndexError."],
    "suggestions": ["Return an empty text where there are no words."],
    "improved_code": (
        "def first_word(text):\n    words = text.split()\n    return words[0] if words else ''"
    ),
}
WAYS = ("in words", "schema", "schema and example")
GREEDY = SamplingParams(temperature=0, max_new_tokens=320)


def measure(*, scale: float = 1.0, split: str = "held_out") -> dict[str, Any]:
    """Let the open model review functions.

    Args:
        scale: Share of the functions to use, for a quick try.
        split: "held_out" for the record; "development" while the prompt is being worded.

    Returns:
        ``prompt`` and ``example``; by way to ask, the ``counts`` of each check and all ``reviews``.
    """
    check_split(split)
    functions = part(FUNCTIONS[split], scale)
    loaded = load_columns(["open"])["open"].chat
    results: dict[str, Any] = {"origin": ORIGIN, "split": split, "prompt": PROMPT}
    results |= {"example": EXAMPLE, "ways": {}}
    for way in WAYS:
        shown = way.endswith("example")
        prompts = [prompt_text(loaded.tokenizer, asked(one, example=shown)) for one in functions]
        schemas = [schema_of(one.name) if shown else SCHEMA for one in functions]
        held = None if way == "in words" else SchemaConstraint(*loaded, schemas)
        made = generate(*loaded, prompts, GREEDY, logits_filter=held)
        results["ways"][way] = judge(functions, [one.text for one in made])
    return results


def asked(function: Function, *, example: bool) -> list[dict[str, Any]]:
    """Return the conversation that asks for a review, with a finished one before it or not."""
    turns = [{"role": "user", "content": fill(PROMPT, code=function.code)}]
    if not example:
        return turns
    shown = fill(PROMPT, code=FUNCTIONS["development"][0].code)
    review = {"role": "assistant", "content": json.dumps(EXAMPLE)}
    return [{"role": "user", "content": shown}, review, *turns]


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema in which the improved code begins as a function of this name does."""
    code = {"type": "string", "pattern": rf"^def {name}\((.|\n){{10,300}}$"}
    return SCHEMA | {"properties": SCHEMA["properties"] | {"improved_code": code}}


def judge(functions: Sequence[Function], texts: Sequence[str]) -> dict[str, Any]:
    """Check reviews and count how many pass each check."""
    rows = [checks(text, one) for text, one in zip(texts, functions, strict=True)]
    return {
        "counts": {
            check: counted(Accuracy(sum(row["checks"][check] for row in rows), len(rows)))
            for check in rows[0]["checks"]
        },
        "reviews": [
            {"code": one.code, "text": text, **row}
            for one, text, row in zip(functions, texts, rows, strict=True)
        ],
    }


def checks(text: str, function: Function) -> dict[str, Any]:
    """Look at a review: its form, whether the fault is named, and what the improved code does.

    Args:
        text: What the model wrote.
        function: What it had to review.

    Returns:
        ``checks``, and ``calls``: what came of each call of the improved code.
    """
    try:
        review = json.loads(text)
    except ValueError:
        review = None
    parts = review if isinstance(review, dict) else {}
    improved = parts.get("improved_code")
    improved = improved if isinstance(improved, str) else ""
    remarks = json.dumps([parts.get("issues"), parts.get("suggestions")]).lower()
    quality = parts.get("quality")
    parsed = is_function(improved, function.name)
    calls = run_calls(improved, function) if parsed else []
    return {
        "checks": {
            "is JSON": review is not None,
            "has the four parts": set(parts) == set(SCHEMA["properties"]),
            "quality is from 1 to 10": type(quality) is int and 1 <= quality <= 10,
            "names the fault": any(word.lower() in remarks for word in function.faults),
            "code defines the function": parsed,
            "code differs from the old": parsed and differs(improved, function.code),
            "code passes all calls": bool(calls) and set(calls) == {"right"},
        },
        "calls": calls,
    }


def is_function(source: str, name: str) -> bool:
    r"""Tell whether code can be parsed and defines a function of this name.

    Example:
        >>> is_function("def f(x):\n    return x", "f"), is_function("x = f(1)", "f")
        (True, False)
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return any(isinstance(one, ast.FunctionDef) and one.name == name for one in tree.body)


def differs(new: str, old: str) -> bool:
    """Tell whether two pieces of code are more than two layouts of one."""
    return ast.dump(ast.parse(new)) != ast.dump(ast.parse(old))
