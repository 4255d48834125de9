"""The procedural corpus of the pocket models: every document is written by the grammars and the prose of this project.

No outside text goes in, so the weights are ours to license. The same seed gives the same documents on every machine, and items for
evaluation are disjoint from training by construction (`companion.pocket.corpus.holdout`). Each kind of document lives in its own module with a
``document`` function; kinds that are evaluated also have an ``item`` function.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import (
    arithmetic,
    chat,
    context,
    facts,
    instructions,
    japanese,
    prose,
    rules,
    spelling,
    stories,
    tool_calls,
    translation,
)
from .holdout import Split

MIXTURE: dict[str, tuple[Callable[[random.Random, Split], str], float]] = {
    "context": (context.document, 0.32),
    "rules": (rules.document, 0.16),
    "word_problems": (arithmetic.word_problem_document, 0.13),
    "arithmetic": (arithmetic.calculation_document, 0.05),
    "stories": (stories.document, 0.1),
    "prose": (prose.document, 0.025),
    "facts": (facts.document, 0.05),
    "translation": (translation.document, 0.035),
    "instructions": (instructions.document, 0.035),
    "tool_calls": (tool_calls.document, 0.05),
    "chat": (chat.document, 0.04),
    "japanese": (japanese.document, 0.015),
    "reverse_context": (context.reverse_document, 0.0),  # these two only at the end of training
    "spelling": (spelling.document, 0.0),
}
"""What makes a document of each kind, and how often it is drawn relative to the others."""


ANNEALING = dict.fromkeys(MIXTURE, 0.02) | {
    "context": 0.20,
    "reverse_context": 0.16,
    "rules": 0.25,
    "spelling": 0.06,
    "word_problems": 0.10,
    "arithmetic": 0.04,
    "stories": 0.03,
    "facts": 0.04,
    "tool_calls": 0.04,
}
"""How often each kind is drawn in the last half of training: more of what is learned last."""


class CorpusDocument(NamedTuple):
    """A training text and the key of `MIXTURE` that made it."""

    kind: str
    text: str


def documents(
    seed: int, split: Split = "train", *, kind: str | None = None, annealing: bool = False
) -> Iterator[CorpusDocument]:
    """Yield documents without end.

    Args:
        seed: The same seed gives the same documents.
        split: ``"train"``, or ``"eval"`` for items that training never sees.
        kind: Only this key of `MIXTURE`; by default kinds are mixed by their weights.
        annealing: Mix by the weights of `ANNEALING` instead of those of `MIXTURE`.

    Yields:
        Documents.

    Raises:
        ValueError: If ``kind`` is unknown.

    Example:
        >>> next(documents(0, kind="facts")).kind
        'facts'
    """
    if kind is not None and kind not in MIXTURE:
        raise ValueError(f"kind must be one of {sorted(MIXTURE)}, got {kind!r}")
    rng = random.Random(f"{seed}-{split}-{kind}")
    weights = ANNEALING if annealing else {key: weight for key, (_, weight) in MIXTURE.items()}
    kinds, shares = list(weights), list(weights.values())
    while True:
        chosen = kind or rng.choices(kinds, weights=shares)[0]
        yield CorpusDocument(chosen, MIXTURE[chosen][0](rng, split))
