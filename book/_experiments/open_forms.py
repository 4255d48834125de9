"""Pocket and open: two long answers in a form that was asked for, and what a program finds in them.

A summary in exactly three bullet points beside "Summarize this.", and a code review in four parts
beside "Review this code." The program looks at the form, in a review also at whether the fault is
named and whether the improved code can be parsed. Nothing that a model wrote is run. Taught in
:doc:`/book/prompting/prompt-design`.

Left out: whether a summary is true, and whether improved code is right.
"""

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from companion.models.loading import LoadedModel
from companion.prompts import fill
from companion.prompts.evaluation import Accuracy

from ._side_by_side import (
    COLUMNS,
    ORIGIN,
    as_message,
    ask,
    check_split,
    counted,
    load_columns,
    load_items,
    part,
)

BULLETS = 3
BULLET_WORDS = 12
PARTS = ("Quality", "Issues", "Suggestions", "Improved code")
TOKENS = {"summary": 120, "review": 200}
PROMPTS = {
    "summary": {
        "weak": "Summarize this.\n{text}",
        "strong": (
            "Summarize the text below in exactly three bullet points. Begin each bullet point with "
            'a dash ("- "). Use at most 12 words for each. Write nothing else.\n\nText:\n{text}'
        ),
    },
    "review": {
        "weak": "Review this code.\n{text}",
        "strong": (
            "Role: You are an experienced Python developer.\n"
            "Task: Review the function below. Look for inputs for which it fails.\n"
            "Code:\n{text}\n"
            "Write your review in exactly these four parts:\n"
            "Quality: a whole number from 1 to 10\n"
            "Issues: what is wrong, and for which input\n"
            "Suggestions: how to repair it\n"
            "Improved code: the whole function"
        ),
    },
}


def measure(
    *, scale: float = 1.0, split: str = "held_out", columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    """Ask both chat models for summaries and code reviews.

    Args:
        scale: Share of the items to use, for a quick try.
        split: "held_out" for the record; "development" while prompts are being worded.
        columns: Some of "pocket" and "open".

    Returns:
        ``prompts``, and ``columns``, one entry each: for ``summary`` and ``review``, by "weak" and
        "strong", the counts of each check and the first two inputs with their texts.
    """
    check_split(split)
    stored = load_items("designs")
    texts = part(stored["texts"][split], scale)
    functions = part(stored["functions"][split], scale)
    codes = [function["code"] for function in functions]
    results = {}
    for name, column in load_columns(columns).items():
        results[name] = {
            "summary": _both(column.chat, "summary", texts, texts, summary_checks),
            "review": _both(column.chat, "review", codes, functions, review_checks),
        }
    return {"origin": ORIGIN, "split": split, "prompts": PROMPTS, "columns": results}


def _both(
    loaded: LoadedModel,
    task: str,
    inputs: Sequence[str],
    items: Sequence[Any],
    look: Callable[[str, Any], dict[str, bool]],
) -> dict[str, Any]:
    columns = {}
    for way, wording in PROMPTS[task].items():
        prompts = [as_message(loaded, fill(wording, text=text)) for text in inputs]
        asked = ask(loaded, prompts, items, _any, max_new_tokens=TOKENS[task], stop=())
        rows = [look(written, item) for written, item in zip(asked.texts, items, strict=True)]
        columns[way] = {
            "checks": {
                check: counted(Accuracy(sum(row[check] for row in rows), len(rows)))
                for check in rows[0]
            },
            "texts": [
                {"input": text, "text": written}
                for text, written in zip(inputs[:2], asked.texts, strict=False)
            ],
        }
    return columns


def _any(text: str, item: object) -> bool:
    """Judge nothing: the checks come after."""
    return True


def summary_checks(written: str, text: str) -> dict[str, bool]:
    """Look at the form of a summary: its bullet points, their length, and its own.

    Args:
        written: The summary.
        text: What it sums up.
    """
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    bullets = [line for line in lines if re.match(r"(?:[-*\u2022]|\d+[.)])\s", line)]
    short = [len(line.split()) - 1 <= BULLET_WORDS for line in bullets]
    return {
        "three bullet points and nothing else": len(bullets) == BULLETS == len(lines),
        "at most 12 words each": bool(short) and all(short),
        "at most half as long as the text": len(written.split()) <= len(text.split()) / 2,
    }


def review_checks(written: str, function: dict[str, Any]) -> dict[str, bool]:
    """Look at a review: its parts, the grade, whether the fault is named, the improved code.

    Args:
        written: The review.
        function: Its ``code``, and ``faults``: words of which one names the fault.
    """
    places = [written.find(f"{name}:") for name in PARTS]
    grade = re.search(r"Quality:\W*(\d+)\b", written)
    return {
        "the four parts in order": -1 not in places and places == sorted(places),
        "a grade from 1 to 10": grade is not None and 1 <= int(grade[1]) <= 10,
        "the fault is named": any(word.lower() in written.lower() for word in function["faults"]),
        "other code that can be parsed": has_new_code(written, function["code"]),
    }


def has_new_code(written: str, code: str) -> bool:
    """Tell whether the last definition of a function in a text is code, and not the old one."""
    _, head, rest = written.rpartition(code.partition("(")[0] + "(")
    if not head:
        return False
    first, *body = rest.splitlines()
    end = next((i for i, line in enumerate(body) if line.strip() and not line[0].isspace()), None)
    try:
        new = ast.parse("\n".join([head + first, *body[:end]]))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return ast.dump(new) != ast.dump(ast.parse(code))
