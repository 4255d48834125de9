"""The handbook, and the questions about it."""

from companion.rag.bm25 import BM25Retriever
from companion.rag.documents import passage
from companion.rag.evaluation import contains_answer
from companion.rag.handbook import load_handbook, load_handbook_questions


def test_every_question_is_answered_by_its_file() -> None:
    texts: dict[str, str] = {}
    for document in load_handbook():
        source = document.metadata["source"]
        texts[source] = f"{texts.get(source, '')} {passage(document)}"

    questions = load_handbook_questions()

    assert len(questions) == 13
    for one in questions:
        text = texts[one.source]
        said_by_the_text = [words for words in one.answers if contains_answer(text, words)]
        assert said_by_the_text, one.text


def test_a_table_stands_with_its_heading() -> None:
    (fees,) = [one for one in load_handbook() if one.metadata.get("heading") == "What it costs"]

    assert "| Students and pensioners | 15 euros |" in fees.text
    assert passage(fees).startswith("Membership. What it costs. | Membership | Fee per year |")


def test_words_of_headings_find_sections() -> None:
    search = BM25Retriever(load_handbook())

    assert search.search("deposits", 1)[0].document.metadata["heading"] == "Deposits"
