"""Retrievers, alone and together, and the bridges to LangChain."""

import math

import numpy as np
import pytest

from companion.errors import IndexFileError
from companion.rag.bm25 import BM25Retriever
from companion.rag.documents import Document, Hit, passage
from companion.rag.index import VectorIndex
from companion.rag.neighbors import IndexConfig
from companion.rag.retriever import (
    DenseRetriever,
    HybridRetriever,
    RerankedRetriever,
    VectorStoreRetriever,
    as_langchain,
    cross_encoder,
    langchain_embeddings,
)


@pytest.fixture
def dense(documents, fake_embedder) -> DenseRetriever:
    return DenseRetriever.from_documents(documents, fake_embedder)


def test_dense_search_returns_cosines(dense, documents, fake_embedder) -> None:
    hits = dense.search("Who lives in Bern?", 2)

    query, text = fake_embedder.embed(["Who lives in Bern?", documents[0].text])
    assert hits[0] == Hit(documents[0], pytest.approx(float(query @ text), abs=1e-6))
    assert len(hits) == 2


def test_documents_can_be_added_and_deleted(dense) -> None:
    (new,) = dense.add([Document("Zoe lives in Rome.")])

    assert dense.search("Who lives in Rome?", 1)[0].document.text == "Zoe lives in Rome."
    dense.index.delete([new])
    assert dense.search("Who lives in Rome?", 1)[0].document.text == "Mona lives in Bern."


def test_the_kind_of_index_can_be_chosen(documents, fake_embedder) -> None:
    retriever = DenseRetriever.from_documents(documents, fake_embedder, IndexConfig("hnsw"))

    assert retriever.index.config.kind == "hnsw"
    assert retriever.search("Who sells cheese?", 1)[0].document == documents[1]


def test_an_index_of_another_model_is_refused(fake_embedder) -> None:
    with pytest.raises(IndexFileError, match=r"of 'other', and the embedder is 'fake'"):
        DenseRetriever(VectorIndex(64, "other"), fake_embedder)


def test_nothing_to_search_is_refused(fake_embedder) -> None:
    with pytest.raises(ValueError, match="there are no documents"):
        DenseRetriever.from_documents([], fake_embedder)


def test_hybrid_search_merges_by_rank(list_retriever) -> None:
    hybrid = HybridRetriever([list_retriever("a", "b"), list_retriever("b", "c")])

    hits = hybrid.search("?", 2)

    assert [hit.document.text for hit in hits] == ["b", "a"]
    assert hits[0].score == pytest.approx(1 / 62 + 1 / 61)


def test_hybrid_search_finds_what_one_of_them_misses(dense, documents) -> None:
    class Blind:
        def search(self, query: str, k: int) -> list[Hit]:
            return []

    hybrid = HybridRetriever([Blind(), BM25Retriever(documents)])

    assert hybrid.search("cheese", 1)[0].document == documents[1]


def test_hybrid_search_looks_deeper_than_k(list_retriever) -> None:
    left, right = list_retriever(*"abcdef"), list_retriever(*"ghijkf")

    assert HybridRetriever([left, right]).search("?", 1)[0].document.text == "f"
    assert HybridRetriever([left, right], depth=2).search("?", 1)[0].document.text == "a"
    assert len(HybridRetriever([left, right], depth=2).search("?", 8)) == 8


def test_the_same_text_from_two_places_stays_two_documents() -> None:
    class Fixed:
        def search(self, query: str, k: int) -> list[Hit]:
            return [Hit(Document("x", {"source": name}), 1.0) for name in "ab"][:k]

    assert len(HybridRetriever([Fixed(), Fixed()]).search("?", 5)) == 2


def test_a_reranker_has_the_last_word(list_retriever) -> None:
    seen = []

    def longest_first(query: str, texts: list[str]) -> list[int]:
        seen.append((query, texts))
        return [len(text) for text in texts]

    reranked = RerankedRetriever(list_retriever("a", "ccc", "bb", "dddd"), longest_first, depth=3)

    assert reranked.search("q", 2) == [Hit(Document("ccc"), 3.0), Hit(Document("bb"), 2.0)]
    assert seen == [("q", ["a", "ccc", "bb"])]
    assert len(reranked.search("q", 4)) == 4


@pytest.mark.parametrize("scores", [[1.0], [[1.0], [2.0]], [math.nan, 1.0]])
def test_a_reranker_that_returns_something_else_is_refused(list_retriever, scores) -> None:
    reranked = RerankedRetriever(list_retriever("a", "b"), lambda query, texts: scores)

    with pytest.raises(ValueError, match="rerank must return one number for each of 2 texts"):
        reranked.search("q", 2)


def test_nothing_found_is_not_reranked(list_retriever) -> None:
    assert RerankedRetriever(list_retriever(), lambda query, texts: 1 / 0).search("q", 2) == []


def test_settings_are_checked(list_retriever) -> None:
    one = list_retriever("a")
    with pytest.raises(ValueError, match="at least two, got 1"):
        HybridRetriever([one])
    with pytest.raises(ValueError, match="depth must be a whole number from 1, got 0"):
        HybridRetriever([one, one], depth=0)
    with pytest.raises(ValueError, match="depth must be a whole number from 1, got 0"):
        RerankedRetriever(one, lambda query, texts: [1], depth=0)
    with pytest.raises(ValueError, match="k must be a whole number from 1, got 0"):
        as_langchain(one, k=0)


def test_a_cross_encoder_fits_the_hook(embedder, tmp_path, list_retriever) -> None:
    """A random one, saved and loaded as the real ones are."""
    import torch
    import transformers
    from sentence_transformers import CrossEncoder

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(embedder.tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,
        initializer_range=1.0,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path)
    embedder.tokenizer.save_pretrained(tmp_path)
    model = CrossEncoder(str(tmp_path), local_files_only=True, device="cpu")

    hits = RerankedRetriever(list_retriever("cat", "dog", "bird"), cross_encoder(model)).search(
        "pet", 3
    )

    scores = model.predict([("pet", hit.document.text) for hit in hits], show_progress_bar=False)
    np.testing.assert_allclose([hit.score for hit in hits], scores, atol=1e-5)
    assert [hit.score for hit in hits] == sorted(scores.tolist(), reverse=True)


def test_langchain_sees_a_retriever(dense) -> None:
    from langchain_core.retrievers import BaseRetriever

    retriever = as_langchain(dense, k=2)
    found = retriever.invoke("Who lives in Bern?")

    assert isinstance(retriever, BaseRetriever)
    assert found[0].page_content == "Mona lives in Bern."
    assert found[0].metadata == {"number": 0, "score": pytest.approx(found[0].metadata["score"])}
    assert len(found) == 2


def test_a_chain_can_use_it(dense) -> None:
    from langchain_core.runnables import RunnableLambda

    chain = as_langchain(dense, k=1) | RunnableLambda(lambda found: found[0].page_content.upper())

    assert chain.invoke("Who sells cheese?") == "TAREK SELLS CHEESE."
    assert chain.batch(["Who sells cheese?", "Who lives in Bern?"])[1] == "MONA LIVES IN BERN."


def test_any_vector_store_can_be_searched(documents, fake_embedder, dense) -> None:
    from langchain_core.vectorstores import InMemoryVectorStore

    store = InMemoryVectorStore(langchain_embeddings(fake_embedder))
    retriever = VectorStoreRetriever(store, similarity=lambda cosine: cosine)
    ids = retriever.add(documents)

    ours, theirs = (one.search("Who lives in Bern?", 3) for one in (dense, retriever))
    assert [hit.document for hit in theirs] == [hit.document for hit in ours]
    assert [hit.score for hit in theirs] == pytest.approx([hit.score for hit in ours], abs=1e-5)
    store.delete(ids[:1])
    assert retriever.search("Who lives in Bern?", 1)[0].document != documents[0]
    with pytest.raises(ValueError, match="k must be a whole number from 1, got 0"):
        retriever.search("x", 0)


YES = Document("Yes.", {"title": "Shop", "heading": "Do you ship to Norway?"})
PASSAGE = "Shop. Do you ship to Norway? Yes."


def test_headings_are_embedded_judged_and_handed_on(fake_embedder, list_retriever) -> None:
    judged = []
    dense = DenseRetriever.from_documents([Document("No, never."), YES], fake_embedder)
    dense.add([YES])

    def rerank(query: str, texts: list[str]) -> list[float]:
        judged.extend(texts)
        return [0.0] * len(texts)

    hits = RerankedRetriever(dense, rerank).search("ship to Norway", 2)

    assert fake_embedder.texts.count(PASSAGE) == 2
    assert [hit.document for hit in hits] == [YES, YES]  # what is found is the document itself
    assert judged[:2] == [PASSAGE, PASSAGE]
    assert as_langchain(dense, k=1).invoke("Norway")[0].page_content == PASSAGE


def test_a_store_keeps_the_passage(fake_embedder) -> None:
    from langchain_core.vectorstores import InMemoryVectorStore

    store = InMemoryVectorStore(langchain_embeddings(fake_embedder))
    retriever = VectorStoreRetriever(store, similarity=lambda cosine: cosine)
    retriever.add([Document("No, never."), YES])

    (hit,) = retriever.search("Do you ship to Norway?", 1)

    assert hit.document == Document(PASSAGE, YES.metadata)
    assert passage(hit.document) == PASSAGE  # not twice
