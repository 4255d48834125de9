"""Exact and approximate search: recall, time, memory and building by number of vectors.

The vectors are those of the sentences in the docstrings of Python's standard library. Larger sets
are grown from them. Every query is searched by itself, since that is how questions come. Times are
those of the processor, on one thread (``OMP_NUM_THREADS=1``). They leave out waiting, but other
programs that use memory and cache still slow them: record on an idle machine. Taught in
:doc:`/book/applications/approximate-search`.

Left out: several threads, compressed vectors.

Shape letters: ``N`` vectors, ``B`` queries, ``d`` numbers of a vector.
"""

import ast
import re
import sysconfig
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from companion._extras import require
from companion.rag.embeddings import Embedder
from companion.rag.neighbors import IndexConfig, Neighbors

SENTENCES = 10_000
SIZES = (10_000, 50_000, 100_000, 200_000)
COMPARED = 100_000  # vectors in the comparison with scikit-learn
BATCHES = (1, 8, 64, 256)
QUERIES = 256
K = 10
EFFORTS: dict[str, tuple[int | None, ...]] = {
    "flat": (None,),
    "hnsw": (10, 16, 32, 64, 128, 256),
    "ivf": (1, 2, 4, 8, 16, 32, 64),
}
EFFORT_NAMES = {"hnsw": "ef_search", "ivf": "probes"}
GROWTH = 20  # the largest set has so many vectors per sentence


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


def random_vectors(count: int, dimension: int, *, seed: int = 0) -> np.ndarray:
    """Return vectors without any order, each direction as likely as any other: ``(count, d)``."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((count, dimension), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def separated_clusters(
    count: int, dimension: int, *, clusters: int = 200, spread: float = 0.5, seed: int = 0
) -> np.ndarray:
    """Return vectors in clusters far from each other, as in many benchmarks: ``(count, d)``."""
    centers = random_vectors(clusters, dimension, seed=seed)
    which = np.random.default_rng(seed).integers(clusters, size=count)
    made = centers[which] + spread * random_vectors(count, dimension, seed=seed + 1)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


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


def one_by_one(
    search: Callable[[np.ndarray], list[list[tuple[int, float]]]], queries: np.ndarray
) -> tuple[list[list[int]], float]:
    """Search each query by itself.

    Args:
        search: From queries ``(1, d)`` to pairs of position and score.
        queries: Shape ``(B, d)``.

    Returns:
        Positions for each query, and the median time of a query in milliseconds.
    """
    rows, times = [], []
    for query in queries:
        begun = time.process_time()
        (row,) = search(query[None])
        times.append(time.process_time() - begun)
        rows.append([position for position, _ in row])
    return rows, 1000 * float(np.median(times))


def measure_kind(
    kind: str, vectors: np.ndarray, queries: np.ndarray, exact: np.ndarray
) -> dict[str, Any]:
    """Build one kind of search and ask all queries with every effort.

    Args:
        kind: ``"flat"``, ``"hnsw"`` or ``"ivf"``, with the settings that the package has.
        vectors: Shape ``(N, d)``.
        queries: Shape ``(B, d)``.
        exact: What should be found, shape ``(B, k)``.

    Returns:
        ``build_s``, the ``mb`` of the index (10^6 bytes), and for each ``effort`` the ``recall``
        and the ``ms`` of a query.
    """
    config = IndexConfig(kind)
    index = Neighbors(vectors.shape[1], config)
    begun = time.process_time()
    index.add(vectors, list(range(len(vectors))))
    built = time.process_time() - begun
    recalls, times = [], []
    for effort in EFFORTS[kind]:
        if effort is not None:
            index.config = replace(config, **{EFFORT_NAMES[kind]: effort})
        rows, ms = one_by_one(lambda query: index.search(query, K), queries)
        recalls.append(round(recall(rows, exact), 4))
        times.append(round(ms, 3))
    return {
        "build_s": round(built, 2),
        "mb": round(len(index.to_bytes()) / 1e6, 1),
        "effort": list(EFFORTS[kind]),
        "recall": recalls,
        "ms": times,
    }


def compare_libraries(vectors: np.ndarray, queries: np.ndarray) -> dict[str, dict[str, float]]:
    """Exact search by three libraries, in turns.

    Returns:
        Milliseconds per query for each library and number of queries at a time.
    """
    sklearn = require("sklearn.neighbors", extra="rag")  # sentence-transformers needs it, too
    index = Neighbors(vectors.shape[1], IndexConfig("flat"))
    index.add(vectors, list(range(len(vectors))))
    theirs = sklearn.NearestNeighbors(n_neighbors=K, metric="cosine", algorithm="brute")
    theirs.fit(vectors)
    searches: dict[str, Callable[[np.ndarray], object]] = {
        "faiss": lambda batch: index.search(batch, K),
        "scikit-learn": theirs.kneighbors,
        "numpy": lambda batch: np.argpartition(-(batch @ vectors.T), K - 1, axis=1)[:, :K],
    }
    taken: dict[str, dict[str, float]] = {name: {} for name in searches}
    for size in BATCHES:
        batch = queries[:size]
        times: dict[str, list[float]] = {name: [] for name in searches}
        for _ in range(6):  # the first is to warm up
            for name, search in searches.items():
                begun = time.process_time()
                search(batch)
                times[name].append(1000 * (time.process_time() - begun) / len(batch))
        for name, some in times.items():
            taken[name][str(size)] = round(float(np.median(some[1:])), 2)
    return taken


def _time_embedding(embedder: Any, texts: list[str]) -> float:
    times = []
    for text in texts:
        begun = time.process_time()
        embedder.embed([text])
        times.append(time.process_time() - begun)
    return 1000 * float(np.median(times))


def measure(*, scale: float = 1.0) -> dict[str, object]:
    """Embed sentences, grow them, and search.

    Args:
        scale: Share of the vectors and of the queries to use, for a quick try.

    Returns:
        ``embedding_ms`` for a single sentence; ``libraries`` with exact search; ``kinds`` with the
        same number of vectors of five origins; ``sizes`` with text-like vectors of growing number.
    """
    count, asked = max(100, round(scale * SENTENCES)), max(8, round(scale * QUERIES))
    texts = sentences(count + asked)
    embedder = Embedder()
    text = embedder.embed(texts)
    embedding_ms = _time_embedding(embedder, texts[:20])
    count, dimension = len(text) - asked, text.shape[1]

    origins = {
        "text": text,
        "grown": grow(text, count + asked),
        "grown from few": grow(text[: count // GROWTH], count + asked),
        "clusters": separated_clusters(count + asked, dimension),
        "random": random_vectors(count + asked, dimension),
    }
    kinds = {}
    for name, vectors in tqdm(origins.items(), disable=None, unit="origin"):
        queries, rest = vectors[:asked], vectors[asked:]
        exact = nearest(rest, queries)
        kinds[name] = {kind: measure_kind(kind, rest, queries, exact) for kind in EFFORT_NAMES}

    sizes, libraries = {}, {}
    for size in tqdm(SIZES, disable=None, unit="size"):
        number = max(200, round(scale * size))
        vectors = grow(text, number + asked, seed=1)
        queries, rest = vectors[:asked], vectors[asked:]
        exact = nearest(rest, queries)
        sizes[str(number)] = {kind: measure_kind(kind, rest, queries, exact) for kind in EFFORTS}
        if size == COMPARED:
            libraries = {"vectors": number, "ms": compare_libraries(rest, queries)}
    return {
        "sentences": count,
        "queries": asked,
        "dimension": dimension,
        "embedding_ms": round(embedding_ms, 1),
        "libraries": libraries,
        "kinds": kinds,
        "sizes": sizes,
    }
