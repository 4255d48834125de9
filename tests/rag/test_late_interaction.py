"""Token vectors, and the reranker that compares them."""

import numpy as np
import pytest
import torch

from companion.rag.documents import Document, Hit
from companion.rag.late_interaction import LateInteraction, token_vectors
from companion.rag.retriever import RerankedRetriever

TEXTS = [
    "A cat sleeps.",
    "Quantization saves memory, but a quantized model may be slower.",
    "Rain.",
]


def test_vectors_are_those_of_a_text_alone_without_special_tokens(embedder) -> None:
    for text, found in zip(TEXTS, token_vectors(embedder, TEXTS), strict=True):
        alone = embedder.tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            hidden = embedder.model.transformer(**alone).last_hidden_state[0, 1:-1]

        torch.testing.assert_close(
            found, torch.nn.functional.normalize(hidden, dim=-1), atol=1e-5, rtol=0
        )


def test_what_exceeds_the_models_length_is_not_read(embedder) -> None:
    (found,) = token_vectors(embedder, ["cat " * 400])

    assert len(found) == embedder.max_length - 2


def test_no_texts_have_no_vectors(embedder) -> None:
    assert token_vectors(embedder, []) == []


def test_the_score_is_the_sum_of_best_partners(embedder) -> None:
    judge = LateInteraction(embedder)
    query = "Is a quantized model fast?"

    scores = judge(query, TEXTS)

    (asked,) = token_vectors(embedder, [query])
    for score, text in zip(scores, TEXTS, strict=True):
        best = [max(float(q @ d) for d in judge.vectors[text]) for q in asked]
        assert score == pytest.approx(sum(best), abs=1e-4)
    assert scores.argmax() == 1


def test_a_text_is_its_own_best_passage(embedder) -> None:
    judge = LateInteraction(embedder)

    scores = judge(TEXTS[0], TEXTS)

    assert scores[0] == pytest.approx(len(judge.vectors[TEXTS[0]]), abs=1e-4)
    assert scores.argmax() == 0


def test_a_text_without_tokens_scores_nothing(embedder) -> None:
    scores = LateInteraction(embedder)("cat", ["\u200b", "a cat"])

    assert scores[0] == 0 < scores[1]


def test_each_passage_is_read_once(embedder, monkeypatch) -> None:
    judge = LateInteraction(embedder)
    judge.add(TEXTS)
    kept = dict(judge.vectors)

    judge("cat", [*TEXTS, TEXTS[0]])

    assert all(judge.vectors[text] is vectors for text, vectors in kept.items())
    assert judge.nbytes == sum(len(one) for one in kept.values()) * 384 * 4


def test_it_orders_what_a_search_found(embedder) -> None:
    class Fixed:
        def search(self, query: str, k: int) -> list[Hit]:
            return [Hit(Document(text), 0.0) for text in TEXTS][:k]

    found = RerankedRetriever(Fixed(), LateInteraction(embedder)).search("weather", 1)

    assert found[0].document.text == "Rain."
    assert np.isfinite(found[0].score)
