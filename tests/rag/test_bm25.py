"""BM25 against its formula."""

import math
import unicodedata

import pytest

from companion.rag.bm25 import BM25Retriever
from companion.rag.documents import Document

TEXTS = ["red red fox", "blue fox", "green tree near blue lake", "stone"]


def retriever(texts: list[str] = TEXTS, **settings: float) -> BM25Retriever:
    return BM25Retriever([Document(text) for text in texts], **settings)


def found(query: str, k: int = 10, **settings: float) -> list[tuple[str, float]]:
    return [(hit.document.text, hit.score) for hit in retriever(**settings).search(query, k)]


def by_hand(query: str, text: str, k1: float = 1.5, b: float = 0.75) -> float:
    words = [text.split() for text in TEXTS]
    mean = sum(map(len, words)) / len(words)
    total = 0.0
    for word in query.split():
        having = sum(word in one for one in words)
        idf = math.log(1 + (len(words) - having + 0.5) / (having + 0.5))
        count = text.split().count(word)
        total += idf * count / (count + k1 * (1 - b + b * len(text.split()) / mean))
    return total


@pytest.mark.parametrize("settings", [{}, {"k1": 0.9, "b": 0.4}, {"b": 0}])
def test_scores_are_those_of_the_formula(settings) -> None:
    expected = sorted(
        ((text, by_hand("red blue fox", text, **settings)) for text in TEXTS[:3]),
        key=lambda pair: -pair[1],
    )

    hits = found("red blue fox", **settings)

    assert [text for text, _ in hits] == [text for text, _ in expected]
    assert [score for _, score in hits] == pytest.approx([s for _, s in expected], rel=1e-5)


def test_what_shares_no_word_is_left_out() -> None:
    assert [text for text, _ in found("stone")] == ["stone"]
    assert found("elephant") == []
    assert found("?!") == []


def test_case_and_punctuation_do_not_matter() -> None:
    assert found("RED, fox?") == found("red fox")


def test_frequent_words_are_skipped() -> None:
    assert retriever(["the cat", "a dog"]).search("the", 2) == []


def test_single_letters_and_digits_are_words() -> None:
    hits = retriever(["vitamin C", "vitamin D", "step 7"]).search("vitamin c", 1)

    assert hits[0].document.text == "vitamin C"
    assert retriever(["step 6", "step 7"]).search("7", 2)[0].document.text == "step 7"


def test_ties_come_in_the_order_of_the_documents_and_k_may_exceed_them() -> None:
    hits = retriever(["cat x", "cat y", "cat z"]).search("cat", 99)

    assert [hit.document.text for hit in hits] == ["cat x", "cat y", "cat z"]
    assert [hit.document.text for hit in retriever(["cat x", "cat y"]).search("cat", 1)] == [
        "cat x"
    ]


def test_documents_without_words_are_never_found() -> None:
    assert retriever(["...", "the"]).search("cat", 1) == []
    assert [hit.document.text for hit in retriever(["...", "cat"]).search("cat", 5)] == ["cat"]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no documents"):
        BM25Retriever([])
    with pytest.raises(ValueError, match=r"got k1=-1 and b=0\.75"):
        retriever(k1=-1)
    with pytest.raises(ValueError, match="b from 0 to 1"):
        retriever(b=2)
    with pytest.raises(ValueError, match="k must be a whole number from 1, got 0"):
        retriever().search("x", 0)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("café", unicodedata.normalize("NFD", "The café is open.")),
        (unicodedata.normalize("NFD", "café"), "The café is open."),
        ("서울", unicodedata.normalize("NFD", "서울 지하철")),
        ("office", "The o\ufb03ce is open."),
        ("GPU", "One \uff27\uff30\uff35 is enough."),
        ("カメラ", "\uff76\uff92\uff97 one"),
        ("information", "infor\u00admation"),
        ("STRASSE", "Die Straße"),
    ],
)
def test_a_word_is_found_however_it_is_written(query, text) -> None:
    found = BM25Retriever([Document(text), Document("Filler one."), Document("Filler two.")])

    assert [hit.document.text for hit in found.search(query, 1)] == [text]


def test_the_words_of_a_heading_find_its_text() -> None:
    yes = Document("Yes.", {"title": "Shop", "heading": "Do you ship to Norway?"})
    found = BM25Retriever([Document("No."), yes, Document("By card.", {"parents": "Paying"})])

    assert [hit.document for hit in found.search("Norway", 3)] == [yes]
    assert found.search("paying", 1)[0].document.text == "By card."


def test_a_share_weighs_each_word_as_the_ranking_does() -> None:
    def weight(having: int) -> float:
        return math.log(1 + (len(TEXTS) - having + 0.5) / (having + 0.5))

    shares = retriever().shares("blue fox unicorn", ["blue", "fox red", "unicorn", "stone"])

    asked = {"blue": weight(2), "fox": weight(2), "unicorn": weight(0)}
    assert shares == pytest.approx([w / sum(asked.values()) for w in asked.values()] + [0])


def test_a_share_of_words_that_only_ask_is_none() -> None:
    assert retriever().shares("what is it", ["blue fox"]).tolist() == [0]
