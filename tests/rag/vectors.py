"""Vectors by chance, documents with numbers, and an index of both."""

from pathlib import Path

import numpy as np

from companion.rag.documents import Document
from companion.rag.index import VectorIndex
from companion.rag.neighbors import IndexConfig

KINDS = ("flat", "hnsw", "ivf")
CONFIGS = {kind: IndexConfig(kind, m=8, ef_search=32, probes=4) for kind in KINDS}


def unit(count: int, dimension: int = 8, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def numbered(count: int, start: int = 0) -> list[Document]:
    return [Document(f"text {n}", {"n": n}) for n in range(start, start + count)]


def build(kind: str, count: int = 300) -> VectorIndex:
    index = VectorIndex(8, "model", CONFIGS[kind])
    index.add(unit(count), numbered(count))
    return index


def found(index: VectorIndex, queries: np.ndarray, k: int) -> list[list[int]]:
    return [[hit.document.metadata["n"] for hit in row] for row in index.search(queries, k)]


def load(folder: Path) -> VectorIndex:
    return VectorIndex.load(folder, model_id="model")
