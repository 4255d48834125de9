"""The corpus of the book, and the questions about it."""

from companion.rag.book import load_book, load_questions


def test_every_question_is_answered_by_pages_of_the_corpus() -> None:
    pages = {document.metadata["source"] for document in load_book()}

    questions = load_questions()

    assert len(questions) >= 60
    assert len({one.text for one in questions}) == len(questions)
    assert all(one.pages and set(one.pages) <= pages for one in questions)


def test_sections_are_prose_with_their_headings() -> None:
    for document in load_book():
        assert document.metadata["title"]
        assert "```" not in document.text
        assert document.metadata.get("heading") != "Try it"
