"""Vectors on disk: a damaged file, another model's or a pickle is none."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest

from companion.rag.vector_cache import VectorCache


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


def test_the_cache_never_unpickles(tmp_path) -> None:
    cache = VectorCache(tmp_path, "model", 1)
    body = io.BytesIO()
    np.save(body, np.array([Payload(tmp_path / "executed")], dtype=object), allow_pickle=True)
    file = cache.path("x")
    file.parent.mkdir(parents=True)
    file.write_bytes(body.getvalue() + hashlib.sha256(body.getvalue()).digest())

    assert cache.get("x") is None
    assert not (tmp_path / "executed").exists()


def test_another_model_or_dimension_finds_nothing(tmp_path) -> None:
    VectorCache(tmp_path, "model", 2).put("x", np.array([1.0, 0.0]))

    assert VectorCache(tmp_path, "model", 2).get("x").tolist() == [1, 0]
    assert VectorCache(tmp_path, "other", 2).get("x") is None
    assert VectorCache(tmp_path, "model", 3).get("x") is None


def test_a_write_that_fails_leaves_nothing_behind(tmp_path) -> None:
    cache = VectorCache(tmp_path, "model", 2)
    cache.path("x").mkdir(parents=True)  # a folder stands where the file should go

    with pytest.raises(OSError, match=r"."):
        cache.put("x", np.array([1.0, 0.0]))
    assert list(cache.path("x").parent.glob("*.tmp")) == []
