"""What is special about Milvus: one file, one program."""

import warnings

import pytest

from companion.rag.vector_stores import (
    MilvusStore,
)

pytestmark = pytest.mark.slow  # each starts a server, or imports pandas


@pytest.mark.parametrize("name", ["store.txt", "missing/store.db"])
def test_a_file_that_milvus_would_not_take_is_refused(folder, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("milvus_lite")

    with pytest.raises(ValueError, match=r"where must be a file .* ending in \.db"):
        MilvusStore(folder / name, "facts", model_id="fake", dimension=32)
