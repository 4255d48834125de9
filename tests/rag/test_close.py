"""Close passages: meaning and words together, and a threshold that lets nothing else through."""

import numpy as np
import pytest

from companion.rag import BM25Retriever, Document, Embedder, passage
from companion.rag.close import ClosePassages, stems
from companion.rag.handbook import load_handbook, load_handbook_questions

FAR = [
    "What is the capital of Peru?",
    "Who won the World Cup in 1998?",
    "How do I bake sourdough bread?",
    "What is the speed of light?",
    "Where do penguins live?",
]


class Flat:
    """An embedder to which all texts are far from one another."""

    def embed(self, texts: list[str], progress: bool = True) -> np.ndarray:
        return np.tile([0.0, 1.0], (len(texts), 1))


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


def passages(embedder: Embedder, documents: list[Document]) -> ClosePassages:
    vectors = embedder.embed([passage(one) for one in documents])
    return ClosePassages(documents, vectors, embedder)


def test_a_number_is_found_among_many_notes_that_differ_in_nothing_else() -> None:
    notes = [Document(f"Member number {n} is from Bergen.") for n in range(1000, 3000)]
    close = ClosePassages(notes, np.tile([1.0, 0.0], (2000, 1)), Flat())

    (hit,) = close.search("Who is member number 1234?", 3)

    assert hit.text == "Member number 1234 is from Bergen."
    assert close.search("Who is member number 4321?", 3) == []


def test_every_question_about_the_handbook_finds_its_file_first(embedder: Embedder) -> None:
    close = passages(embedder, load_handbook())

    found = [close.search(one.text, 1)[0].origin for one in load_handbook_questions()]

    assert found == [one.source for one in load_handbook_questions()]


def test_other_questions_find_nothing_in_it(embedder: Embedder) -> None:
    close = passages(embedder, load_handbook())

    assert [close.search(question, 3) for question in FAR] == [[]] * len(FAR)


def test_of_passages_with_the_same_words_the_nearer_one_is_first() -> None:
    vectors = np.array([[1.0, 0.0], [0.6, 0.8]])
    close = ClosePassages([Document("harbor fees"), Document("harbor fees 2")], vectors, Flat())

    assert [hit.text for hit in close.search("harbor fees", 2)] == ["harbor fees 2", "harbor fees"]


def test_words_count_as_a_share_of_the_best_score() -> None:
    """However high the scores of BM25 are: here that of the best is far above 1."""
    texts = ["harbor fees", "harbor rules", *(f"note {n}" for n in range(100))]
    cosines = np.array([0.4, 0.7, *[0.0] * 100])
    vectors = np.stack([np.sqrt(1 - cosines**2), cosines], axis=1)
    close = ClosePassages([Document(text) for text in texts], vectors, Flat())

    first, second = close.search("harbor fees", 2)

    assert (first.text, second.text) == ("harbor rules", "harbor fees")


def test_a_word_of_the_matter_will_do_where_nothing_is_near() -> None:
    """A passage on several topics is near to none; a word in the plural is the same word."""
    texts = ["We welcome every dog for 12 euros.", "Rest.", "Pets."]

    def found(*near: float) -> list[str]:
        vectors = np.stack([np.sqrt(1 - np.square(near)), near], axis=1)
        documents = [Document(text) for text in texts]
        hits = ClosePassages(documents, vectors, Flat()).search("Do you allow dogs?", 3)
        return [hit.text for hit in hits]

    assert found(0.15, 0.25, 0.2) == texts[:1]
    assert found(0.05, 0.25, 0.2) == []
    assert found(0.15, 0.25, 0.4) == texts[2:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Do you have the dogs?", {"dog"}),
        ("Berries of this bus", {"berry", "bus"}),
        ("The glass is less", {"glass", "less"}),
        ("its", set()),
    ],
)
def test_a_stem_is_a_word_of_the_matter_in_the_singular(text: str, expected: set) -> None:
    assert stems(text) == expected


def test_without_documents_nothing_is_found() -> None:
    close = ClosePassages([], np.empty((0, 0)), Flat())

    assert (len(close), close.search("anything", 3)) == (0, [])


def test_the_share_of_words_counts_rare_words_more_and_asking_words_not_at_all() -> None:
    words = BM25Retriever([Document(f"The member {name}.") for name in ("Ann", "Bo", "Cleo")])

    shares = words.shares("What is the member Ann?", ["Ann", "member", "what", "ann member"])

    assert shares[3] == 1
    assert shares[0] > 0.8 > 0.2 > shares[1] > shares[2] == 0
    assert words.shares("What is it?", ["Ann"]).tolist() == [0]


def test_a_sentence_has_to_bear_on_the_question_without_its_headings() -> None:
    """The headings alone are near: that makes a passage close, and no answer."""

    class Halves(Flat):
        """What is below *Pool* is near, but for a text that stands there alone."""

        def embed(self, texts: list[str], progress: bool = True) -> np.ndarray:
            near = [text.startswith(("Pool", "slide?", "27")) for text in texts]
            return np.array([[1.0, 0.0] if one else [0.0, 1.0] for one in near])

    documents = [Document(text, {"heading": "Pool"}) for text in ("No dogs.", "27 degrees.")]
    vectors = np.tile([1.0, 0.0], (2, 1))

    whole = ClosePassages(documents, vectors, Halves())
    single = ClosePassages(documents, vectors, Halves(), sentences=True)

    assert len(whole.search("slide?", 2)) == 2
    assert [hit.document.text for hit in single.search("slide?", 2)] == ["27 degrees."]
    assert single.search("slide?", 1) == []


def test_a_number_is_found_among_sentences_and_one_that_is_not_there_is_not(
    embedder: Embedder,
) -> None:
    notes = [Document(f"Member number {n} is from Bergen.") for n in range(1000, 1060)]
    vectors = embedder.embed([note.text for note in notes])
    close = ClosePassages(notes, vectors, embedder, sentences=True)

    assert close.search("Who is member number 1042?", 1)[0].text == notes[42].text


def test_words_count_less_among_sentences() -> None:
    cosines = np.array([0.6, 0.8, *[0.0] * 20])
    vectors = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)
    texts = ["harbor fees", "what ships pay", *(f"note {n}" for n in range(20))]
    documents = [Document(text) for text in texts]

    class Along(Flat):
        def embed(self, texts: list[str], progress: bool = True) -> np.ndarray:
            return np.tile([1.0, 0.0], (len(texts), 1))

    firsts = [
        ClosePassages(documents, vectors, Along(), sentences=way).search("harbor fees", 1)[0].text
        for way in (False, True)
    ]

    assert firsts == ["harbor fees", "what ships pay"]
