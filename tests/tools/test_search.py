"""The search tool, over a retriever that is a list."""

from types import SimpleNamespace

import pytest

from companion.tools import Toolbox, ToolCall
from companion.tools.search import search_tool

TEXTS = {
    "The tide of Ann": "The tide is high twice a day.",
    "The moon of Bob": "The moon pulls the tide.",
}


class Words:
    """A retriever that looks for a word."""

    def __init__(self) -> None:
        self.asked = []

    def search(self, query: str, k: int) -> list:
        self.asked.append((query, k))
        return [
            SimpleNamespace(
                document=SimpleNamespace(text=text, metadata={"title": title}), score=1.0
            )
            for title, text in TEXTS.items()
            if query in text
        ][:k]


def run(tool, query: object):
    return Toolbox([tool]).run(ToolCall("search", {"query": query}))


def test_it_returns_the_title_as_in_the_training() -> None:
    retriever = Words()
    tool = search_tool(retriever)

    assert run(tool, "moon").content() == '{"title": "The moon of Bob"}'
    assert retriever.asked == [("moon", 1)]
    assert tool.short_declaration() == {"name": "search", "parameters": {"query": "string"}}


def test_text_and_further_titles_come_if_asked_for() -> None:
    result = run(search_tool(Words(), k=2, max_chars=8), "tide")

    assert result.value == {
        "title": "The tide of Ann",
        "text": "The tide",
        "also": ["The moon of Bob"],
    }


@pytest.mark.parametrize(
    ("metadata", "title"),
    [({"source": "a.md"}, "a.md"), ({}, "one two"), ({"title": "", "source": "s"}, "s")],
)
def test_without_a_title_the_source_or_the_beginning_serves(metadata: dict, title: str) -> None:
    document = SimpleNamespace(text=" one\ntwo ", metadata=metadata)
    retriever = SimpleNamespace(search=lambda query, k: [SimpleNamespace(document=document)])

    assert run(search_tool(retriever), "x").value == {"title": title}


@pytest.mark.parametrize(
    ("query", "told"), [("sun", "nothing found for 'sun'"), (" ", "the query is empty")]
)
def test_nothing_found_is_told_to_the_model(query: str, told: str) -> None:
    assert told in run(search_tool(Words()), query).error


def test_an_index_that_fails_leaks_nothing() -> None:
    def broken(query: str, k: int) -> list:
        raise OSError("/home/ann/index.faiss")

    result = run(search_tool(SimpleNamespace(search=broken)), "x")

    assert result.error == "search failed with an internal error (OSError)"


def test_it_can_need_approval() -> None:
    assert search_tool(Words(), needs_approval=True).needs_approval


@pytest.mark.parametrize("settings", [{"k": 0}, {"max_chars": -1}])
def test_bad_settings_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=r"(k|max_chars) must be a whole number"):
        search_tool(Words(), **settings)
