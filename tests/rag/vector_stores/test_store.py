"""What holds for every vector store, with one that keeps its rows in a dictionary."""

from collections.abc import Callable

import numpy as np
import pytest

from companion.errors import VectorStoreError
from companion.rag.documents import Document, Hit
from companion.rag.neighbors import IndexConfig
from companion.rag.vector_stores.store import Entry, VectorStore, document_id


class DictStore(VectorStore):
    """A dictionary for a table. It fails when told to."""

    kinds = ("flat",)
    place = "the dictionary"

    def __init__(self, name: str = "facts", *, dimension: int = 2, **options) -> None:
        super().__init__(name, model_id="fake", dimension=dimension, config=options.get("config"))
        self.rows: dict[str, Entry] = {}
        self.down = False

    def close(self) -> None:
        self.down = True

    def _failures(self):
        return (ConnectionError,)

    def _put(self, entries):
        self._ask()
        for one in entries:
            self.rows.setdefault(one.id, one)

    def _known(self, ids):
        self._ask()
        return self.rows.keys() & set(ids)

    def _nearest(self, vector, k):
        self._ask()
        hits = [Hit(row.document, float(row.vector @ vector)) for row in self.rows.values()]
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    def _remove(self, ids):
        for id_ in ids:
            del self.rows[id_]

    def _count(self):
        return len(self.rows)

    def _ask(self) -> None:
        if self.down:
            raise ConnectionError("connection\n  refused")


@pytest.fixture
def store() -> DictStore:
    return DictStore()


EAST, NORTH = Document("east", {"n": 1}), Document("north", {"n": 2})


def test_a_document_added_twice_is_kept_once(store):
    first = store.add(np.eye(2), [EAST, NORTH])
    again = store.add(np.eye(2)[[0, 0]], [EAST, EAST])

    assert again == [first[0], first[0]]
    assert len(store) == 2


def test_ids_come_from_text_and_metadata_in_any_order():
    one = Document("a text", {"source": "a.md", "page": 3})
    same = Document("a text", {"page": 3, "source": "a.md"})

    assert document_id(one) == document_id(same)
    assert document_id(one) != document_id(Document("a text", {"source": "a.md", "page": 4}))
    assert document_id(one) != document_id(Document("a text"))


def test_missing_names_each_document_once_and_in_order(store):
    store.add(np.eye(2)[:1], [EAST])
    other = Document("west")

    assert store.missing([other, EAST, NORTH, other]) == [other, NORTH]
    assert store.missing([]) == []


def test_the_nearest_come_first_with_their_cosines(store):
    store.add(np.eye(2), [EAST, NORTH])

    (hits,) = store.search([[0.6, 0.8]], 5)

    assert [hit.document for hit in hits] == [NORTH, EAST]
    assert [hit.score for hit in hits] == pytest.approx([0.8, 0.6])


def test_delete_counts_those_that_were_there(store):
    ids = store.add(np.eye(2), [EAST, NORTH])

    assert store.delete([ids[0], ids[0], "unknown"]) == 1
    assert store.delete([]) == store.delete(ids[:1]) == 0
    assert len(store) == 1


@pytest.mark.parametrize(
    "work",
    [
        lambda store: store.add(np.eye(2), [EAST, NORTH]),
        lambda store: store.missing([EAST]),
        lambda store: store.search(np.eye(2), 1),
        lambda store: store.delete(["one"]),
    ],
)
def test_a_store_that_fails_is_named_in_one_line(store, work: Callable):
    store.close()

    with pytest.raises(VectorStoreError, match=r"^the dictionary did not .*: connection refused\."):
        work(store)


@pytest.mark.parametrize(
    ("vectors", "documents", "message"),
    [
        (np.eye(2), [EAST], "2 vectors and 1 documents"),
        (np.eye(3), [EAST, NORTH, EAST], r"shape \(N, 2\), got \(3, 3\)"),
        ([[2.0, 0.0]], [EAST], "length 2, not 1"),
        ([[np.nan, 0.0]], [EAST], "length nan, not 1"),
    ],
)
def test_vectors_that_do_not_fit_are_refused_and_nothing_is_kept(
    store, vectors, documents, message
):
    with pytest.raises(ValueError, match=message):
        store.add(vectors, documents)

    assert len(store) == 0


@pytest.mark.parametrize("name", ["ab", "Facts", "1facts", "facts; DROP", "f" * 49, "", None])
def test_a_name_that_some_store_would_refuse_is_refused_here(name):
    with pytest.raises(ValueError, match="name must be 3 to 48 lower-case letters"):
        DictStore(name)


def test_a_kind_of_search_that_a_store_lacks_is_named():
    with pytest.raises(ValueError, match=r"config.kind must be 'flat': DictStore .* got 'ivf'"):
        DictStore(config=IndexConfig("ivf"))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "not made by this package"),
        ({"hnsw": 1}, "not made by this package"),
        ({"model_id": "other", "dimension": 2}, "holds vectors of 'other', and yours .* 'fake'"),
        ({"model_id": "fake", "dimension": 3}, "vectors of 3 numbers, and yours have 2"),
    ],
)
def test_a_table_of_somebody_else_is_left_alone(store, found, message):
    with pytest.raises(VectorStoreError, match=f"{message}.*Nothing was changed"):
        store._check_label(found)


def test_a_table_of_the_same_model_is_taken(store):
    store._check_label(store._label())


def test_a_block_closes_the_store():
    with DictStore() as store:
        assert not store.down

    assert store.down
