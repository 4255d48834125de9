"""A search tool over any retriever. Taught in :doc:`/book/applications/function-calling`."""

from typing import Any, Protocol

from companion._checks import check_whole
from companion.errors import ToolError
from companion.tools.tool import Tool, shown_by


class Searcher(Protocol):
    """Anything that finds documents, as the retrievers of `companion.rag` do."""

    def search(self, query: str, k: int) -> list[Any]:
        """Return the ``k`` best hits, each with ``document.text`` and ``document.metadata``."""


def search_tool(
    retriever: Searcher, *, k: int = 1, max_chars: int = 0, needs_approval: bool = False
) -> Tool:
    """Make the tool ``search`` from a retriever.

    What it returns was written by others: the model must not be trusted to ignore what it says.
    Taught in :doc:`/book/applications/function-calling`.

    Args:
        retriever: Object with ``search(query, k)``.
        k: Hits to return. The titles of those after the first come as ``also``.
        max_chars: Characters of the first hit's text to return; none if 0. pocket-chat has
            learned to read a title only.
        needs_approval: True if a person has to agree to each search.

    Returns:
        The tool. Its result is ``{"title": ...}``, with ``text``, the ``heading`` that it is
        under, and ``also`` if asked for. A hit's title is ``metadata["title"]``, else its
        ``source``, else the beginning of its text.

    Raises:
        ValueError: If ``k`` is below 1 or ``max_chars`` below 0.
    """
    check_whole(k=k)
    check_whole(0, max_chars=max_chars)

    @shown_by(
        ("Find what the documents say about volcanoes.", {"query": "volcanoes"}),
        ("Search for solar energy.", {"query": "solar energy"}),
        ("Where can I read about whales?", {"query": "whales"}),
        ("Look up the history of glass.", {"query": "history of glass"}),
    )
    def search(query: str) -> dict[str, Any]:
        """Search the documents for a topic.

        Args:
            query: Words to look for.
        """
        if not query.strip():
            raise ToolError("the query is empty: give words to look for")
        hits = retriever.search(query, k)
        if not hits:
            raise ToolError(f"nothing found for {query[:60]!r}; try other words")
        first, *others = (hit.document for hit in hits)
        entry: dict[str, Any] = {"title": _title(first)}
        if max_chars:
            if first.metadata.get("heading"):
                entry["heading"] = first.metadata["heading"]
            entry["text"] = first.text[:max_chars]
        if others:
            entry["also"] = [_title(document) for document in others]
        return entry

    return Tool.from_function(search, needs_approval=needs_approval)


def _title(document: Any) -> str:
    named = document.metadata.get("title") or document.metadata.get("source")
    return str(named) if named else " ".join(document.text.split())[:80]
