"""Filling in batches: what is there is not embedded again."""

import pytest

from companion.rag.documents import Document
from companion.rag.index import VectorIndex
from companion.rag.vector_stores.filling import fill
from companion.rag.vector_stores.store import document_id

DOCUMENTS = [Document(f"fact {number}") for number in range(10)]


class ListStore:
    """The part of a store that `fill` uses, over a dictionary; breaks off where it is told."""

    model_id = "fake"

    def __init__(self, breaks_after: int = 100) -> None:
        self.kept: dict[str, Document] = {}
        self.batches: list[int] = []
        self.breaks_after = breaks_after

    def missing(self, documents):
        return [one for one in documents if document_id(one) not in self.kept]

    def add(self, vectors, documents):
        VectorIndex(64, "fake").add(vectors, documents)  # checks that they fit
        if len(self.batches) == self.breaks_after:
            raise KeyboardInterrupt
        self.batches.append(len(documents))
        self.kept.update({document_id(one): one for one in documents})


def test_documents_go_in_by_batches_and_are_counted(fake_embedder):
    store = ListStore()

    assert fill(store, DOCUMENTS, fake_embedder, batch_size=4) == 10
    assert store.batches == [4, 4, 2]
    assert list(store.kept.values()) == DOCUMENTS


def test_stopped_in_between_only_the_rest_is_embedded(fake_embedder):
    store = ListStore(breaks_after=2)
    with pytest.raises(KeyboardInterrupt):
        fill(store, DOCUMENTS, fake_embedder, batch_size=4)
    store.breaks_after = 100
    fake_embedder.texts.clear()

    assert fill(store, DOCUMENTS, fake_embedder, batch_size=4) == 2
    assert fake_embedder.texts == ["fact 8", "fact 9"]
    assert list(store.kept.values()) == DOCUMENTS


def test_what_is_all_there_costs_no_embedding(fake_embedder):
    store = ListStore()
    fill(store, DOCUMENTS, fake_embedder)
    fake_embedder.texts.clear()

    assert fill(store, DOCUMENTS, fake_embedder) == 0
    assert fake_embedder.texts == []


def test_the_passage_is_embedded_and_the_document_kept(fake_embedder):
    store = ListStore()
    document = Document("30 days.", {"title": "Shop", "heading": "Returns"})

    fill(store, [document], fake_embedder)

    assert fake_embedder.texts == ["Shop. Returns. 30 days."]
    assert list(store.kept.values()) == [document]


def test_another_model_is_refused_before_anything_is_embedded(fake_embedder):
    store = ListStore()
    store.model_id = "other"

    with pytest.raises(ValueError, match=r"the store holds vectors of 'other'.*'fake'"):
        fill(store, DOCUMENTS, fake_embedder)

    assert fake_embedder.texts == []


def test_batches_have_at_least_one_document(fake_embedder):
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1, got 0"):
        fill(ListStore(), DOCUMENTS, fake_embedder, batch_size=0)
