"""Vectors for measurements, and the share of the nearest that a search has found."""

import numpy as np
import pytest

from companion.pocket import vectors


def test_random_vectors_have_length_one_and_no_direction():
    made = vectors.random_vectors(2000, 16, seed=1)

    assert (made.shape, made.dtype) == ((2000, 16), np.float32)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert np.linalg.norm(made.mean(axis=0)) < 0.1
    assert (made == vectors.random_vectors(2000, 16, seed=1)).all()
    assert not (made == vectors.random_vectors(2000, 16, seed=2)).any()


def test_grown_vectors_lie_as_the_old_ones_do():
    old = vectors.random_vectors(300, 4)
    old[:, 2:] = 0  # in a plane
    old /= np.linalg.norm(old, axis=1, keepdims=True)

    grown = vectors.grow(old, 500)

    assert (grown.shape, grown.dtype) == ((500, 4), np.float32)
    np.testing.assert_allclose(np.linalg.norm(grown, axis=1), 1, atol=1e-5)
    assert (grown[:, 2:] == 0).all()
    assert len({tuple(row) for row in grown.tolist()}) > 490


def test_without_noise_they_are_the_old_ones():
    old = vectors.random_vectors(5, 3)

    grown = vectors.grow(old, 40, noise=0.0)

    assert np.abs(grown[:, None] - old[None]).sum(axis=2).min(axis=1).max() < 1e-5


@pytest.mark.parametrize("count", [1, 33, 70])  # more than one block of queries
def test_the_nearest_are_those_of_brute_force(count: int):
    made, queries = vectors.random_vectors(200, 8), vectors.random_vectors(count, 8, seed=9)

    found = vectors.nearest(made, queries, k=7)

    assert found.shape == (count, 7)
    for row, query in zip(found, queries, strict=True):
        scores = sorted(range(200), key=lambda at: -float(made[at] @ query))
        assert set(row.tolist()) == set(scores[:7])


def test_recall_is_the_mean_share_that_was_found():
    exact = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])

    assert vectors.recall([[4, 3, 2, 1], [5, 9, 9, 6]], exact) == 0.75
    assert vectors.recall([[], [1, 2]], exact) == 0


def test_sentences_are_words_and_differ(tmp_path, monkeypatch):
    (tmp_path / "test").mkdir()
    good = "This is a sentence about owls, long enough to count."
    other = "Another one says that oaks are tall and very old."
    source = f'"""{good} {other}\\n\\n    {good}x = 1\\n\\n>>> {good}\\n"""\n'
    (tmp_path / "a.py").write_text(source + f'def f():\n    """{good}"""\n')
    (tmp_path / "b.py").write_text("def broken(:\n")
    (tmp_path / "c.py").write_text('"""Too short. But 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16."""\n')
    (tmp_path / "test" / "d.py").write_text('"""A sentence of the tests, which nobody wants."""\n')
    monkeypatch.setattr(vectors.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})

    assert sorted(vectors.sentences(10)) == sorted([good, other])
    assert len(vectors.sentences(1)) == 1
    assert vectors.sentences(2, seed=1) == vectors.sentences(2, seed=1)


def test_a_vector_moves_away_from_others_too():
    old = np.eye(2, dtype=np.float32)

    grown = vectors.grow(old, 50)

    assert (grown < -0.1).any()  # e.g. (1, 0) and 0.6 of (1, 0) - (0, 1)
    assert (grown > 0.9).any()
