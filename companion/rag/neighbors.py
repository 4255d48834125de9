"""Nearest neighbors among vectors, by faiss: three kinds of search behind one interface.

``flat`` compares with every vector: exact. ``hnsw`` walks a graph of neighbors (Malkov & Yashunin
2018, https://arxiv.org/abs/1603.09320). ``ivf`` looks into some of many clusters (Jégou et al.
2011, https://doi.org/10.1109/TPAMI.2010.57). The last two skip most vectors, and miss a few. All
use the inner product, which is the cosine for vectors of length 1.

HNSW can't forget: faiss has no way to take a node out of the graph. A deleted vector is left out
of the results and stays in the graph until everything is rebuilt.

Left out: compressed vectors, GPUs.

Shape letters: ``N`` vectors, ``B`` queries, ``d`` numbers of a vector.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from companion._checks import is_whole
from companion._extras import require

faiss = require("faiss", extra="rag")

POINTS_PER_CLUSTER = 39  # with fewer, faiss warns that the clusters mean little
CLASSES = {"flat": faiss.IndexFlat, "hnsw": faiss.IndexHNSWFlat, "ivf": faiss.IndexIVFFlat}


@dataclass(frozen=True)
class IndexConfig:
    """How to search. Taught in :doc:`/book/applications/approximate-search`.

    Args:
        kind: ``"flat"`` (exact), ``"hnsw"`` or ``"ivf"``. The clusters of IVF are computed from the
            vectors that are added first and never again; add many at once, or rebuild.
        m: HNSW: neighbors of each node, at least 2. More find more and take more memory.
        ef_construction: HNSW: candidates while building, at least 1.
        ef_search: HNSW: candidates while searching, at least 1.
        clusters: IVF: number of clusters; 4 times the root of the number of vectors if None, and
            never so many that one has less than 39 vectors to be computed from.
        probes: IVF: clusters searched, at least 1.

    Raises:
        ValueError: If a value is outside its range.

    Example:
        >>> IndexConfig("hnsw", ef_search=128).m
        32
    """

    kind: str = "flat"
    m: int = 32
    ef_construction: int = 80
    ef_search: int = 64
    clusters: int | None = None
    probes: int = 8

    def __post_init__(self) -> None:
        if self.kind not in CLASSES:
            raise ValueError(f"kind must be one of {', '.join(CLASSES)}, got {self.kind!r}")
        least = {"m": 2, "ef_construction": 1, "ef_search": 1, "clusters": 1, "probes": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if name == "clusters" and value is None:
                continue
            if not is_whole(value, low) or value > 100_000:
                raise ValueError(
                    f"{name} must be a whole number from {low} to 100000, got {value!r:.40}"
                )


class Neighbors:
    """Vectors with ids, and the nearest of them to a query.

    Args:
        dimension: Numbers of a vector, ``d``.
        config: Kind and settings of the search.
    """

    def __init__(self, dimension: int, config: IndexConfig) -> None:
        self.dimension = dimension
        self.config = config
        self.ids: dict[int, None] = {}  # those that are not deleted, in order
        self._faiss: Any = None
        self._alive: Any = None  # faiss's set of the ids that are left, made when it is needed

    @property
    def stored(self) -> int:
        """Vectors that take room, the deleted ones of HNSW included."""
        return 0 if self._faiss is None else int(self._faiss.ntotal)

    def add(self, vectors: np.ndarray, ids: list[int]) -> None:
        """Add vectors of length 1, shape ``(N, d)``, under ids that were never used before."""
        if not ids:
            return
        if self._faiss is None:
            self._faiss = _new_index(self.config, vectors)
        self._faiss.add_with_ids(vectors, np.array(ids, dtype=np.int64))
        self.ids.update(dict.fromkeys(ids))
        self._alive = None

    def remove(self, ids: set[int]) -> None:
        """Delete vectors by id, all of them known."""
        if ids and self.config.kind != "hnsw":
            self._faiss.remove_ids(np.array(sorted(ids), dtype=np.int64))
        for id_ in ids:
            del self.ids[id_]
        self._alive = None

    def search(self, queries: np.ndarray, k: int) -> list[list[tuple[int, float]]]:
        """Find ids and inner products of the ``k`` nearest vectors of each query, nearest first.

        Where the settings find fewer than there are (small clusters, or most nodes of the
        neighborhood deleted), the search is repeated with more effort.
        """
        k = min(k, len(self.ids))
        if not k or not len(queries):
            return [[] for _ in queries]
        ivf = self.config.kind == "ivf"
        effort = self.config.probes if ivf else self.config.ef_search
        most = int(self._faiss.nlist) if ivf else self.stored
        while True:
            scores, ids = self._faiss.search(queries, k, params=self._parameters(effort))
            if (ids >= 0).all() or effort >= most:
                break
            effort = min(4 * effort, most)
        return [
            [(id_, score) for score, id_ in zip(*row, strict=True) if id_ >= 0]
            for row in zip(scores.tolist(), ids.tolist(), strict=True)
        ]

    def rebuilt(self, config: IndexConfig) -> "Neighbors":
        """Return a new index of the vectors that are left, under the same ids."""
        fresh = Neighbors(self.dimension, config)
        if self.ids:
            ids = list(self.ids)
            fresh.add(self._faiss.reconstruct_batch(np.array(ids, dtype=np.int64)), ids)
        return fresh

    def to_bytes(self) -> bytes:
        """Return everything in faiss's own format; nothing if there are no vectors."""
        return b"" if self._faiss is None else faiss.serialize_index(self._faiss).tobytes()

    @classmethod
    def from_bytes(
        cls, data: bytes, dimension: int, config: IndexConfig, ids: list[int]
    ) -> "Neighbors":
        """Read what `to_bytes` wrote, and check that it is what the arguments say.

        Raises:
            ValueError: If it is not, or faiss can't read it.
        """
        index = cls(dimension, config)
        if not data:
            if ids:
                raise ValueError("there are documents and no vectors")
            return index
        try:
            with _bounded(len(data)):
                index._faiss = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
            stored = _stored_ids(index._faiss)
            index._faiss.search(np.zeros((1, index._faiss.d), dtype=np.float32), 1)
        except (RuntimeError, MemoryError, AttributeError) as error:
            raise ValueError(f"faiss can't read the vectors: {error!s:.120}") from error
        inner = _inner(index._faiss)
        if not isinstance(inner, CLASSES[config.kind]):
            raise ValueError(f"the vectors are kept in a {type(inner).__name__}")
        if (inner.d, index._faiss.d) != (dimension, dimension):
            raise ValueError(f"the vectors have {inner.d} numbers, not {dimension}")
        if inner.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ValueError("the vectors are not compared by inner product")
        same = set(ids) <= set(stored) if config.kind == "hnsw" else set(ids) == set(stored)
        if not same or len(set(stored)) != inner.ntotal or inner.ntotal != index._faiss.ntotal:
            raise ValueError("vectors and documents have different ids")
        index.ids = dict.fromkeys(ids)
        return index

    def _parameters(self, effort: int) -> Any:
        if self.config.kind == "flat":
            return None
        if self.config.kind == "ivf":
            return faiss.SearchParametersIVF(nprobe=effort)
        if self.stored == len(self.ids):
            return faiss.SearchParametersHNSW(efSearch=effort)
        if self._alive is None:
            self._alive = faiss.IDSelectorBatch(np.array(list(self.ids), dtype=np.int64))
        return faiss.SearchParametersHNSW(efSearch=effort, sel=self._alive)


def unit_vectors(vectors: Any, dimension: int) -> np.ndarray:
    """Return vectors as float32, shape ``(N, d)``, after checking that they have length 1.

    Raises:
        ValueError: If the shape is another, or a vector is not finite or not of length 1.
    """
    matrix = np.ascontiguousarray(vectors, dtype=np.float32)
    if matrix.size == 0:
        matrix = matrix.reshape(0, dimension)
    if matrix.ndim != 2 or matrix.shape[1] != dimension:
        raise ValueError(f"vectors must have shape (N, {dimension}), got {matrix.shape}")
    lengths = np.linalg.norm(matrix, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))  # NaN is wrong too
    if len(wrong):
        raise ValueError(
            f"vector {wrong[0]} has length {lengths[wrong[0]]:.4g}, not 1: divide it by its "
            "length, so that the inner product is the cosine"
        )
    return matrix


def _new_index(config: IndexConfig, vectors: np.ndarray) -> Any:
    """Make an empty faiss index; the clusters of IVF are computed from ``vectors`` (N, d)."""
    count, dimension = vectors.shape
    if config.kind == "flat":
        return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
    if config.kind == "hnsw":
        graph = faiss.IndexHNSWFlat(dimension, config.m, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = config.ef_construction
        return faiss.IndexIDMap2(graph)
    wanted = config.clusters or round(4 * count**0.5)
    clusters = max(1, min(wanted, count // POINTS_PER_CLUSTER))
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(dimension), dimension, clusters, faiss.METRIC_INNER_PRODUCT
    )
    index.train(vectors)
    index.set_direct_map_type(faiss.DirectMap.Hashtable)  # to find, and delete, a vector by id
    return index


@contextmanager
def _bounded(size: int) -> Iterator[None]:
    """Keep faiss from reserving more memory than a file has bytes, whatever it announces."""
    limits = [f"deserialization_{name}_limit" for name in ("vector_byte", "loop")]
    limits = [name for name in limits if hasattr(faiss, f"set_{name}")]  # not in older releases
    before = {name: getattr(faiss, f"get_{name}")() for name in limits}
    for name in limits:
        getattr(faiss, f"set_{name}")(size)
    try:
        yield
    finally:
        for name, limit in before.items():
            getattr(faiss, f"set_{name}")(limit)


def _inner(index: Any) -> Any:
    return faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap2) else index


def _stored_ids(index: Any) -> list[int]:
    """Return the id of every vector that a faiss index holds."""
    if isinstance(index, faiss.IndexIDMap2):
        return faiss.vector_to_array(index.id_map).tolist()
    lists = index.invlists
    sizes = [(number, lists.list_size(number)) for number in range(index.nlist)]
    return [
        int(row)
        for number, size in sizes
        if size
        for row in faiss.rev_swig_ptr(lists.get_ids(number), size)
    ]
