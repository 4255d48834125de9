"""The index of neighbors: its settings, and what it does when vectors are few."""

import pytest

from companion.rag.index import VectorIndex
from companion.rag.neighbors import IndexConfig
from tests.rag.vectors import found, numbered, unit


def test_ivf_works_with_fewer_vectors_than_it_would_like(capfd) -> None:
    index = VectorIndex(8, "model", IndexConfig("ivf", clusters=100, probes=1))
    index.add(unit(50), numbered(50))

    assert found(index, unit(50), 1) == [[n] for n in range(50)]
    assert capfd.readouterr().err == ""


def test_a_cluster_with_too_few_makes_the_search_wider() -> None:
    index = VectorIndex(8, "model", IndexConfig("ivf", clusters=20, probes=1))
    index.add(unit(800), numbered(800))

    assert {len(row) for row in found(index, unit(20, seed=1), 500)} == {500}


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"kind": "lsh"}, "kind must be one of flat, hnsw, ivf, got 'lsh'"),
        ({"m": 1}, "m must be a whole number from 2 to 100000, got 1"),
        ({"probes": 0}, "probes must be"),
        ({"clusters": 1.5}, "clusters must be"),
        ({"ef_search": True}, "ef_search must be"),
    ],
)
def test_settings_are_checked(settings_, message) -> None:
    with pytest.raises(ValueError, match=message):
        IndexConfig(**settings_)
    with pytest.raises(ValueError, match="dimension must be a whole number from 1, got 0"):
        VectorIndex(0, "model")
