"""The recorded run on vector stores."""

import importlib.util

import numpy as np
import pytest
from _experiments import vector_stores as experiment

from companion.pocket.records import record


@pytest.fixture
def folder(tmp_path) -> str:
    vectors = np.random.default_rng(0).standard_normal((210, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(tmp_path / "queries.npy", vectors[:10])
    np.save(tmp_path / "vectors.npy", vectors[10:])
    return str(tmp_path)


@pytest.mark.parametrize(
    "kind",
    [
        "faiss flat",
        "faiss hnsw",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in experiment.KINDS
            if not kind.startswith("faiss")
        ),
    ],
)
def test_a_store_is_filled_asked_and_opened_again(kind, folder) -> None:
    needed = {"chroma": "chromadb", "postgres": "pgserver", "milvus": "milvus_lite"}
    if (name := needed.get(kind.split()[0])) and not importlib.util.find_spec(name):
        pytest.skip(f"{name} is not installed")

    found = experiment.measure_store(kind, folder, 200)

    assert found["recall"] > 0.95
    assert found["disk_mb"] > 0
    assert 0 < found["ms"][0] <= found["ms"][1]
    assert found["fill_s"] >= 0
    assert found["reopen_s"] > 0


def test_the_record_has_every_store_at_every_size() -> None:
    measured = record("vector_stores")

    assert set(measured["sizes"]) == {str(size) for size in experiment.SIZES}
    for row in measured["sizes"].values():
        assert set(row) == set(experiment.KINDS)
        for kind, found in row.items():
            assert found["recall"] == 1 or kind.endswith("hnsw")
