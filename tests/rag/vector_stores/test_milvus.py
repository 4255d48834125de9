"""What is special about Milvus: one file, one program."""

import logging
import warnings

import pytest

from companion.rag.vector_stores import MilvusStore
from companion.rag.vector_stores.milvus import _quiet


@pytest.mark.slow  # imports pandas
@pytest.mark.parametrize("name", ["store.txt", "missing/store.db"])
def test_a_file_that_milvus_would_not_take_is_refused(folder, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("milvus_lite")

    with pytest.raises(ValueError, match=r"where must be a file .* ending in \.db"):
        MilvusStore(folder / name, "facts", model_id="fake", dimension=32)


def test_its_loggers_are_quiet_for_a_while_and_then_as_before(logged):
    loggers = [logging.getLogger(name) for name in ("pymilvus", "milvus_lite")]
    levels = [logger.level for logger in loggers]

    with pytest.raises(KeyError), _quiet():
        _fail(loggers)

    assert logged == []
    assert [logger.level for logger in loggers] == levels
    loggers[0].critical("said again")
    assert logged == ["said again"]


def _fail(loggers):
    for logger in loggers:
        logger.critical("a stack trace")
    raise KeyError
