"""The stored vectors of two widgets: those of the page's sentences, and of the package's model."""

import base64
import json

import numpy as np
import pytest
from live_vectors import DATA, QUESTIONS, page_sentences

from companion.rag import Embedder
from companion.rag.book import load_questions
from companion.rag.late_interaction import token_vectors


def stored(name: str) -> dict:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def test_the_sentences_are_those_of_the_page():
    data = stored("sentences.json")

    rows = [(group, text) for group, some in page_sentences().items() for text in some]
    assert list(zip(data["groups"], data["sentences"], strict=True)) == rows


def test_the_questions_are_those_of_the_page():
    asked = [question.text for question in load_questions()]

    assert [one["text"] for one in stored("maxsim.json")["questions"]] == [
        asked[number] for number in QUESTIONS
    ]


def test_the_nearest_are_those_of_numpy(page):
    data = stored("sentences.json")
    vectors = np.frombuffer(base64.b64decode(data["vectors"]), "<f2").reshape(-1, 384)
    scores = vectors.astype(np.float64) @ vectors[40].astype(np.float64)
    order = [at for at in np.argsort(-scores, kind="stable") if at != 40][:5]

    found = page("nearest", vectors=data["vectors"], count=len(vectors), at=40, k=5)

    assert [one["at"] for one in found] == order
    assert [one["score"] for one in found] == pytest.approx(scores[order].tolist(), abs=1e-5)


@pytest.mark.slow
def test_the_vectors_are_those_of_the_model():
    embedder, data = Embedder(), stored("sentences.json")
    vectors = np.frombuffer(base64.b64decode(data["vectors"]), "<f2").reshape(-1, 384)

    assert np.abs(vectors - embedder.embed(data["sentences"])).max() < 1e-3
    tokens = stored("maxsim.json")
    own = token_vectors(embedder, [one["text"] for one in tokens["passages"]])
    for question in tokens["questions"]:
        (asked,) = token_vectors(embedder, [question["text"]])
        for other, cosines in zip(own, question["cosines"], strict=True):
            assert np.abs(np.array(cosines) / 10000 - (asked @ other.T).numpy()).max() < 1e-3
