"""The documents that a chat answers from: where their index is, and a desk for each conversation.

Taught in :doc:`/book/applications/chatbot`.
"""

from collections.abc import Callable
from pathlib import Path

from companion._files import user_cache
from companion.rag.desk import Desk
from companion.rag.embeddings import shared_embedder
from companion.rag.library import Library

INDEXES = "documents"
"""Folder in the user's cache where the indexes of documents are kept."""


def desk_maker(
    folder: Path | None, length: int, tell: Callable[[str], None], *, sentences: bool = False
) -> Callable[[], Desk]:
    """Read and embed a folder once, and return a function that makes desks over it.

    Args:
        folder: Where the documents are; None for desks with nothing but what is added to them.
        length: Characters of a passage at most.
        tell: Is given a line about each file that is left out, and about work that takes time.
        sentences: Whether the passages are single sentences.

    Returns:
        A function that returns a new desk, which is what one conversation answers from.

    Raises:
        DocumentError: If none of the files can be read.
    """
    library = None
    if folder is not None:
        embedder = shared_embedder()
        cache = user_cache(INDEXES)
        library = Library(
            folder, embedder, length=length, sentences=sentences, cache=cache, tell=tell
        )
    return lambda: Desk(library, shared_embedder, length, sentences=sentences)
