"""Chunking: cut documents into passages small enough to embed, to rank and to quote.

The unit that counts is the token of the model that reads the passage: all-MiniLM-L6-v2 reads 256
word pieces and ignores the rest without a word. Two ways. `split_by_tokens` slides a window over
the tokens. `split_recursively` cuts at paragraphs, then lines, then sentences, then words, so that
a passage is more often one thought. A document that is short enough stays whole.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from companion._extras import require
from companion.rag.documents import Document

SEPARATORS = ("\n\n", "\n", ". ", "? ", "! ", "。", " ", "")
"""Where to cut, the best place first."""


def split_by_tokens(
    documents: Iterable[Document], tokenizer: Any, *, chunk_size: int = 128, overlap: int = 16
) -> list[Document]:
    """Cut documents into windows of tokens. Taught in :doc:`/book/applications/documents`.

    A window ends at a blank if there is one in it, so words stay whole. The text of a chunk is a
    slice of the document's, not decoded tokens: MiniLM's tokenizer would lose upper case.

    Args:
        documents: What to cut.
        tokenizer: A fast `transformers` tokenizer (one that knows offsets).
        chunk_size: Most tokens of a chunk, special tokens not counted. A single character is
            never cut, though it may be several tokens of a byte-level tokenizer.
        overlap: Tokens that a chunk repeats of the one before it, at most.

    Returns:
        The chunks, in order. Each has its document's metadata and ``chunk`` (number within the
        document, from 0) and ``start`` (position in its text, in characters).

    Raises:
        ValueError: If ``chunk_size`` is below 1, ``overlap`` is not from 0 to below it, or the
            tokenizer knows no offsets.
    """
    _check_sizes(chunk_size, overlap)
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError("tokenizer must be a fast one, which knows where each token stands")
    chunks = []
    for document in documents:
        text = document.text
        found = _spans(text, tokenizer, chunk_size, overlap)
        chunks += _chunks(document, [(start, text[start:end]) for start, end in found])
    return chunks


def split_recursively(
    documents: Iterable[Document],
    length: Any,
    *,
    chunk_size: int = 128,
    overlap: int = 16,
    separators: Sequence[str] = SEPARATORS,
) -> list[Document]:
    """Cut documents at the best place that leaves chunks small enough.

    The work is done by ``RecursiveCharacterTextSplitter`` of langchain-text-splitters. Taught in
    :doc:`/book/applications/documents`.

    Args:
        documents: What to cut.
        length: A tokenizer, whose tokens are counted, or a function from text to length, such as
            `len` for characters.
        chunk_size: Largest length of a chunk.
        overlap: Length that a chunk repeats of the one before it, at most.
        separators: Where to cut, best place first. With ``""`` at the end any chunk can be made
            small enough.

    Returns:
        The chunks, as in `split_by_tokens`.

    Raises:
        ValueError: If the sizes contradict each other or there are no separators.

    Example:
        >>> text = "Bern is in Switzerland. Rome is in Italy."
        >>> [chunk.text for chunk in split_recursively([Document(text)], len, chunk_size=30,
        ...     overlap=0)]
        ['Bern is in Switzerland.', 'Rome is in Italy.']
    """
    _check_sizes(chunk_size, overlap)
    if not separators:
        raise ValueError("separators must not be empty: they say where to cut")
    splitters = require("langchain_text_splitters", extra="rag")
    measure = length if _is_function(length) else token_counter(length)
    splitter = splitters.RecursiveCharacterTextSplitter(
        separators=list(separators),
        chunk_size=chunk_size,
        chunk_overlap=overlap,
        length_function=measure,
        keep_separator="end",
    )
    chunks = []
    for document in documents:
        text = document.text
        pieces = [text] if measure(text) <= chunk_size else splitter.split_text(text)
        chunks += _chunks(document, _located(text, pieces, overlapping=overlap > 0))
    return chunks


def token_counter(tokenizer: Any) -> Callable[[str], int]:
    """Return a function that counts the tokens of a text, special tokens left out.

    Args:
        tokenizer: A `transformers` tokenizer.

    Returns:
        A function from text to number of tokens.
    """

    def count(text: str) -> int:
        # verbose=False: a text longer than the model's context is what we are here to cut
        return len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    return count


def _is_function(length: Any) -> bool:
    """Tell a function from a tokenizer, which can be called too."""
    return callable(length) and not hasattr(length, "get_vocab")


def _check_sizes(chunk_size: int, overlap: int) -> None:
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, got {chunk_size}")
    if not 0 <= overlap < chunk_size:
        raise ValueError(
            f"overlap must be from 0 to below chunk_size={chunk_size}, got {overlap}: with more, "
            "a chunk would be nothing but a repetition"
        )


class Piece(NamedTuple):
    """A part of a text that can't be cut: a token, or several that share a character."""

    start: int
    end: int
    tokens: int


def _pieces(text: str, tokenizer: Any) -> list[Piece]:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    pieces: list[Piece] = []
    for start, end in encoded["offset_mapping"]:
        if pieces and start < pieces[-1].end:  # byte-level tokens of one character
            before = pieces.pop()
            pieces.append(Piece(before.start, max(end, before.end), before.tokens + 1))
        elif end > start:
            pieces.append(Piece(start, end, 1))
    return pieces


def _spans(text: str, tokenizer: Any, size: int, overlap: int) -> list[tuple[int, int]]:
    """Return where each window starts and ends, in characters."""
    pieces = _pieces(text, tokenizer)
    if sum(piece.tokens for piece in pieces) <= size:
        return [(0, len(text))]
    count = token_counter(tokenizer)
    spans, first = [], 0
    while True:
        last = _reach(pieces, range(first, len(pieces)), size)
        if last < len(pieces):
            last = _word_start(text, pieces, range(last, first, -1)) or last
        # a word without the blank before it can have more tokens than within the text
        while last > first + 1 and count(text[pieces[first].start : pieces[last - 1].end]) > size:
            last -= 1
        last = max(last, first + 1)
        spans.append((pieces[first].start, pieces[last - 1].end))
        if last == len(pieces):
            return spans
        earliest = 1 + _reach(pieces, range(last - 1, first, -1), overlap)
        first = _word_start(text, pieces, range(earliest, last)) or earliest


def _reach(pieces: list[Piece], where: range, tokens: int) -> int:
    """Return the first index of ``where`` that does not fit any more, or the end of the range."""
    for at in where:
        tokens -= pieces[at].tokens
        if tokens < 0:
            return at
    return where.stop


def _word_start(text: str, pieces: list[Piece], where: range) -> int | None:
    """Return the first piece of ``where`` that stands behind a blank, or None."""
    for at in where:
        start = pieces[at].start
        if text[start].isspace() or text[start - 1].isspace():
            return at
    return None


def _located(text: str, pieces: list[str], *, overlapping: bool) -> list[tuple[int, str]]:
    """Find each piece in the text: behind the one before it, or at least behind its start."""
    found, after = [], 0
    for piece in pieces:
        start = text.index(piece, after)
        found.append((start, piece))
        after = start + (1 if overlapping else len(piece))
    return found


def _chunks(document: Document, pieces: list[tuple[int, str]]) -> list[Document]:
    return [
        Document(piece, {**document.metadata, "chunk": number, "start": start})
        for number, (start, piece) in enumerate(
            (start, piece) for start, piece in pieces if piece.strip()
        )
    ]
