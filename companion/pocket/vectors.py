"""Vectors of sentences, as many as needed, and how many of the nearest a search has found.

The sentences are from the docstrings of Python's standard library. Larger sets are grown from them.
Taught in :doc:`/book/applications/approximate-search`.

Shape letters: ``N`` vectors, ``B`` queries, ``d`` numbers of a vector.
"""

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

K = 10
"""How many of the nearest are looked for."""


def sentences(limit: int, *, seed: int = 0) -> list[str]:
    """Return sentences from the docstrings of Python's standard library.

    Args:
        limit: How many; all there are if fewer.
        seed: Which ones.

    Returns:
        Different sentences of 30 to 300 characters, most of them letters, in random order.
    """
    rng = np.random.default_rng(seed)
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = [
        path
        for path in sorted(root.rglob("*.py"))
        if not {"site-packages", "test", "tests"} & set(path.relative_to(root).parts)
    ]
    texts: dict[str, None] = {}
    for at in rng.permutation(len(paths)):
        if len(texts) >= limit:
            break
        texts.update(dict.fromkeys(_sentences_of(paths[at])))
    every = list(texts)
    return [every[at] for at in rng.permutation(len(every))[:limit]]


def _sentences_of(path: Path) -> Iterator[str]:
    """Yield the sentences in the docstrings of a Python file, without tables and code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in string literals
            tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # some files are there to be wrong
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
            if "    " in paragraph or ">>>" in paragraph:
                continue
            for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z])", " ".join(paragraph.split())):
                letters = sum(c.isalpha() or c == " " for c in sentence)
                if 30 <= len(sentence) <= 300 and letters > 0.85 * len(sentence):
                    yield sentence


def random_vectors(count: int, dimension: int, *, seed: int = 0) -> np.ndarray:
    """Return vectors without any order, each direction as likely as any other: ``(count, d)``."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((count, dimension), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def grow(vectors: np.ndarray, count: int, *, noise: float = 0.6, seed: int = 0) -> np.ndarray:
    """Make more vectors of the same kind: one of them, moved by the difference of two others.

    The differences point where the vectors differ from each other, and not anywhere in space, so
    the new vectors lie as the old ones do.

    Args:
        vectors: Vectors to begin with, shape ``(N, d)``.
        count: How many to make.
        noise: Share of the difference that is added.
        seed: Of the random choice.

    Returns:
        Vectors of length 1, shape ``(count, d)``, float32.
    """
    rng = np.random.default_rng(seed)
    made = np.empty((count, vectors.shape[1]), dtype=np.float32)
    for start in range(0, count, 10_000):  # little memory beside the result
        rows = made[start : start + 10_000]
        one, here, there = rng.integers(len(vectors), size=(3, len(rows)))
        rows[:] = vectors[one] + noise * (vectors[here] - vectors[there])
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return made


def nearest(vectors: np.ndarray, queries: np.ndarray, k: int = K) -> np.ndarray:
    """Find the ``k`` nearest by comparing with all: positions, shape ``(B, k)``, in no order."""
    rows = []
    for start in range(0, len(queries), 32):
        scores = queries[start : start + 32] @ vectors.T  # (32, N)
        rows.append(np.argpartition(-scores, k - 1, axis=1)[:, :k])
    return np.concatenate(rows)


def recall(rows: list[list[int]], exact: np.ndarray) -> float:
    """Return the share of the really nearest that was found, as a mean over the queries.

    Args:
        rows: Positions found for each query.
        exact: Those that should have been, shape ``(B, k)``.
    """
    pairs = zip(rows, exact.tolist(), strict=True)
    return float(np.mean([len({*row} & {*right}) / len(right) for row, right in pairs]))
