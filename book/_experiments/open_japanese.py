"""Pocket and open: Japanese by two tokenizers and two models that have read little of it.

Sentences were written for this book. Both tokenizers are byte-level, so that they can write any
text; the question is in how many tokens. The texts are to be read: nothing is scored. Taught in
:doc:`/book/open-models/japanese`.
"""

from collections.abc import Sequence
from typing import Any

from companion.models.loading import LoadedModel

from ._side_by_side import COLUMNS, ORIGIN, Column, as_message, ask, load_columns, load_items

TOKENS = 40


def measure(*, scale: float = 1.0, columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """Count the tokens of sentences in both languages, and let both models go on in Japanese.

    Args:
        scale: Not used: there are only a few sentences.
        columns: Some of "pocket" and "open".

    Returns:
        The ``sentences``, and ``columns``, one entry each: ``tokens`` of each sentence in English
        and Japanese, ``cut`` with the first one as the tokenizer cuts it, ``continued`` and
        ``answered`` with a text for each prompt.
    """
    stored = load_items("japanese")
    results = {
        name: {
            "tokens": {
                language: [_count(column.text, pair[language]) for pair in stored["sentences"]]
                for language in ("english", "japanese")
            },
            "cut": _cut(column.text, stored["sentences"][0]["japanese"]),
            **_texts(column, stored),
        }
        for name, column in load_columns(columns).items()
    }
    return {"origin": ORIGIN, "sentences": stored["sentences"], "columns": results}


def _count(loaded: LoadedModel, text: str) -> int:
    return len(loaded.tokenizer(text, add_special_tokens=False).input_ids)


def _cut(loaded: LoadedModel, text: str) -> list[str]:
    """Return the pieces of a text, with a star for one that is no whole character."""
    encoding = loaded.tokenizer(text, add_special_tokens=False).input_ids
    pieces = (loaded.tokenizer.decode([token]) for token in encoding)
    return [piece if "\ufffd" not in piece else "*" for piece in pieces]


def _texts(column: Column, stored: dict[str, Any]) -> dict[str, dict[str, str]]:
    begun, asked = stored["beginnings"], stored["questions"]
    prompts = {
        "continued": (column.text, begun, begun),
        "answered": (column.chat, asked, [as_message(column.chat, text) for text in asked]),
    }
    written_by_kind = {}
    for kind, (loaded, keys, texts) in prompts.items():
        written = ask(loaded, texts, keys, _any, max_new_tokens=TOKENS, stop=())
        written_by_kind[kind] = dict(zip(keys, written.texts, strict=True))
    return written_by_kind


def _any(text: str, item: object) -> bool:
    """Judge nothing."""
    return True
