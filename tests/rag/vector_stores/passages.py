"""Vectors by chance, passages with numbers, and the numbers of what is found."""

import numpy as np

from companion.rag.documents import Document


def unit(count: int, dimension: int = 32, seed: int = 0) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def numbers(found: list) -> list[list[int]]:
    return [[hit.document.metadata["n"] for hit in hits] for hits in found]


def numbered(count: int) -> list[Document]:
    return [Document(f"Passage {n}.", {"n": n, "share": 0.5, "new": n > 3}) for n in range(count)]
