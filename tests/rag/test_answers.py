"""What a model wrote, taken apart: refusals in its own words."""

import pytest

from companion.rag.answers import NOT_FOUND, one_line, parse_answer
from companion.rag.documents import Document, Hit

PASSAGES = [Hit(Document("Ann lives in Oslo."), 0.9)]


@pytest.mark.parametrize(
    "text",
    [
        "The context does not say.",
        "the context does not say",
        "The documents do not say. [1]",
        "The context does not contain the answer to the question.",
        "The provided passages don\u2019t mention where Bo lives.",
        "The text doesn't specify this",
        "I'm sorry, but the given context does not provide that information.",
        "I cannot find this in the documents.",
        "I don't know.",
        "I cannot find that. [7]",
        "**The documents do not say.** [1]",
        "There is no information about Bo in the context.",
        "",
    ],
)
def test_a_refusal_in_other_words_is_no_answer(text: str) -> None:
    answer = parse_answer(text, PASSAGES)

    assert (answer.text, answer.found, answer.sources) == (NOT_FOUND, False, ())
    assert answer.generated == text


@pytest.mark.parametrize(
    "text",
    [
        "Ann lives in Oslo.",
        "There is no answer to that in the book [1].",
        "The documents do not say that dogs are forbidden.",
        "The context does not say when, but Ann lives in Oslo.",
        "The text does not say it outright. Ann lives in Oslo.",
        "The document says that she does not live there.",
        "I know that she lives in Oslo.",
        "There is no bus on Sundays.",
        "No.",
    ],
)
def test_an_answer_is_no_refusal(text: str) -> None:
    assert parse_answer(text, PASSAGES).found


def test_code_in_an_answer_stays_and_cites_nothing() -> None:
    code = "```python\nrow = table[7], [1, 2]\n```"

    answer = parse_answer(f"Sort it: [1] [9]\n\n{code}", PASSAGES)

    assert answer.text == f"Sort it:\n\n{code}"
    assert (answer.sources, answer.unknown_citations) == ((PASSAGES[0],), (9,))


def test_numbers_in_a_passage_that_can_not_pose_as_a_passage_reach_the_model() -> None:
    assert one_line("numbers = [3, 1, 2]\nrow = table[7] [2] Bo.") == (
        "numbers = [3, 1, 2] row = table[7] (2) Bo."
    )
