"""Exact and approximate search: recall, time, memory and building by number of vectors.

The vectors are those of the sentences in the docstrings of Python's standard library. Larger sets
are grown from them. Every query is searched by itself, since that is how questions come. Times are
those of the processor, on one thread (``OMP_NUM_THREADS=1``). They leave out waiting, but other
programs that use memory and cache still slow them: record on an idle machine. Taught in
:doc:`/book/applications/approximate-search`.

Left out: several threads, compressed vectors.

Shape letters: ``N`` vectors, ``B`` queries, ``d`` numbers of a vector.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from companion._extras import require
from companion.pocket.vectors import K, grow, nearest, random_vectors, recall, sentences
from companion.rag.embeddings import Embedder
from companion.rag.neighbors import IndexConfig, Neighbors

SENTENCES = 10_000
SIZES = (10_000, 50_000, 100_000, 200_000)
COMPARED = 100_000  # vectors in the comparison with scikit-learn
BATCHES = (1, 8, 64, 256)
QUERIES = 256
EFFORTS: dict[str, tuple[int | None, ...]] = {
    "flat": (None,),
    "hnsw": (10, 16, 32, 64, 128, 256),
    "ivf": (1, 2, 4, 8, 16, 32, 64),
}
EFFORT_NAMES = {"hnsw": "ef_search", "ivf": "probes"}
GROWTH = 20  # the largest set has so many vectors per sentence


def separated_clusters(
    count: int, dimension: int, *, clusters: int = 200, spread: float = 0.5, seed: int = 0
) -> np.ndarray:
    """Return vectors in clusters far from each other, as in many benchmarks: ``(count, d)``."""
    centers = random_vectors(clusters, dimension, seed=seed)
    which = np.random.default_rng(seed).integers(clusters, size=count)
    made = centers[which] + spread * random_vectors(count, dimension, seed=seed + 1)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


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
