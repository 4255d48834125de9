"""The recorded run on exact and approximate search."""

import numpy as np
import pytest
from _experiments import nearest_neighbors as experiment

from companion.pocket.records import record

VECTORS = experiment.random_vectors(300, 16)


@pytest.mark.parametrize(
    "made",
    [
        experiment.grow(VECTORS, 200),
        experiment.separated_clusters(200, 16, clusters=4),
        experiment.random_vectors(200, 16),
    ],
)
def test_vectors_of_every_origin_have_length_1(made) -> None:
    assert made.shape == (200, 16)
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, rtol=1e-5)


def test_what_grows_without_noise_is_what_was_there() -> None:
    made = experiment.grow(VECTORS, 50, noise=0)

    assert np.allclose((made @ VECTORS.T).max(axis=1), 1, atol=1e-5)


def test_what_grows_stays_in_the_space_of_the_vectors() -> None:
    flat = VECTORS * ([1] * 8 + [0] * 8)

    assert not experiment.grow(flat, 50)[:, 8:].any()


def test_the_seed_decides() -> None:
    first, again, other = (experiment.grow(VECTORS, 5, seed=seed) for seed in (1, 1, 2))

    assert (first == again).all()
    assert (first != other).any()
    assert experiment.sentences(20, seed=1) == experiment.sentences(20, seed=1)


def test_sentences_differ_and_are_text() -> None:
    found = experiment.sentences(50)

    assert len(set(found)) == 50
    assert all(30 <= len(one) <= 300 and ">>>" not in one for one in found)


def test_nearest_is_brute_force() -> None:
    queries = experiment.random_vectors(40, 16, seed=9)

    found = experiment.nearest(VECTORS, queries, k=5)

    expected = np.argsort(-(queries @ VECTORS.T), axis=1)[:, :5]
    assert [set(row) for row in found.tolist()] == [set(row) for row in expected.tolist()]


def test_recall_is_the_mean_share_of_the_nearest() -> None:
    assert experiment.recall([[1, 2], [5]], np.array([[2, 1], [3, 5]])) == 0.75


def test_more_effort_finds_more() -> None:
    queries = experiment.random_vectors(40, 16, seed=9)
    exact = experiment.nearest(VECTORS, queries)

    for kind in experiment.EFFORTS:
        found = experiment.measure_kind(kind, VECTORS, queries, exact)
        assert found["recall"] == sorted(found["recall"])
        assert found["recall"][-1] == 1
        assert len(found["ms"]) == len(found["effort"])


@pytest.mark.slow
def test_a_small_run_measures_every_origin_size_and_library() -> None:
    found = experiment.measure(scale=0.001)

    assert list(found["kinds"]) == ["text", "grown", "grown from few", "clusters", "random"]
    assert len(found["sizes"]["200"]) == 3
    assert set(found["libraries"]["ms"]) == {"faiss", "scikit-learn", "numpy"}


def test_the_recorded_graph_finds_nearly_all_in_a_fraction_of_the_time() -> None:
    row = record("nearest_neighbors")["sizes"]["100000"]
    at = row["hnsw"]["effort"].index(64)

    assert row["hnsw"]["recall"][at] > 0.95
    assert row["hnsw"]["ms"][at] < 0.2 * row["flat"]["ms"][0]
    assert row["flat"]["recall"] == [1]
