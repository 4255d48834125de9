"""Chunking: cut documents into passages small enough to embed, to rank and to quote.

The unit that counts is the token of the model that reads the passage: all-MiniLM-L6-v2 reads 256
word pieces and ignores the rest without a word. Two ways. `split_by_tokens` slides a window over
the tokens. `split_recursively` cuts at paragraphs, then lines, then sentences, then words, so that
a passage is more often one thought. A document that is short enough stays whole.

The text of a chunk is a slice of its document's, which begins at ``start``. Title and headings come
in front when it is searched and read (`companion.rag.documents.passage`): leave room for them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from companion._checks import check_whole, is_whole
from companion.rag.documents import Document

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SEPARATORS = ("\n\n", "\n", ". ", "? ", "! ", "。", " ", "")
"""Where to cut, the best place first."""


def split_by_tokens(
    documents: Iterable[Document],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    chunk_size: int = 128,
    overlap: int = 16,
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
        raise ValueError("tokenizer must be a fast one, which knows where each token is")
    chunks = []
    for document in documents:
        chunks += _chunks(document, _spans(document.text, tokenizer, chunk_size, overlap))
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

    The chunks are those of ``RecursiveCharacterTextSplitter`` of langchain-text-splitters with
    ``keep_separator="end"``. That returns texts; this knows where each of them is, since it
    cuts places and not texts. Taught in :doc:`/book/applications/documents`.

    Args:
        documents: What to cut.
        length: A tokenizer, whose tokens are counted, or a function from text to length, such as
            `len` for characters.
        chunk_size: Largest length of a chunk.
        overlap: Length that a chunk repeats of the one before it, at most.
        separators: Where to cut, best place first. With ``""`` at the end any chunk can be made
            small enough, down to a single character.

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
    if isinstance(separators, str) or not separators:
        raise ValueError(f"separators must be a list of texts, not empty, got {separators!r:.40}")
    measure = length if _is_function(length) else token_counter(length)
    chunks = []
    for document in documents:
        cutter = _Cutter(document.text, measure, chunk_size, overlap)
        whole = (0, len(document.text))
        spans = [whole] if cutter.fits(*whole) else cutter.cut(*whole, list(separators))
        chunks += _chunks(document, spans)
    return chunks


class _Cutter:
    """Cuts one text, and says where each part begins and ends."""

    def __init__(
        self, text: str, measure: Callable[[str], int], chunk_size: int, overlap: int
    ) -> None:
        self.text = text
        self.measure = measure
        self.chunk_size = chunk_size
        self.overlap = overlap

    def fits(self, start: int, end: int) -> bool:
        """Tell whether a part is small enough for a chunk."""
        return self.measure(self.text[start:end]) <= self.chunk_size

    def cut(self, start: int, end: int, separators: Sequence[str]) -> list[tuple[int, int]]:
        """Cut a part that is too long at the first separator that occurs in it."""
        at = next(
            (
                i
                for i, separator in enumerate(separators)
                if self.text.find(separator, start, end) >= 0
            ),
            None,
        )
        if at is None:
            return [(start, end)]  # nowhere to cut
        edges = self._edges(start, end, separators[at])
        spans, first, last = [], 0, len(edges) - 1  # the pieces are edges[i] to edges[i + 1]
        while first < last:
            reached = self._reach(edges, first)
            if reached == first:  # a single piece is too long
                spans += self._cut_further(edges[first], edges[first + 1], separators[at + 1 :])
                first += 1
                continue
            spans.append((edges[first], edges[reached]))
            first = reached if reached == last else self._back(edges, first, reached)
        return spans

    def _cut_further(self, start: int, end: int, rest: Sequence[str]) -> list[tuple[int, int]]:
        return self.cut(start, end, rest) if rest else [(start, end)]

    def _edges(self, start: int, end: int, separator: str) -> list[int]:
        """Return where the pieces begin, each with its separator behind it, and the end."""
        if not separator:
            return list(range(start, end + 1))
        edges, at = [start], start
        while (edge := self.text.find(separator, at, end)) >= 0:
            at = edge + len(separator)
            edges.append(at)
        return edges if edges[-1] == end else [*edges, end]

    def _reach(self, edges: list[int], first: int) -> int:
        """Return the last edge up to which the pieces from ``first`` on fit into one chunk."""
        step, low = 1, first
        while low + step < len(edges) and self.fits(edges[first], edges[low + step]):
            low, step = low + step, 2 * step
        while step > 1:  # what is twice as far does not fit: look between
            step //= 2
            if low + step < len(edges) and self.fits(edges[first], edges[low + step]):
                low += step
        return low

    def _back(self, edges: list[int], first: int, reached: int) -> int:
        """Return where the next chunk begins: as far back as overlap and size allow."""
        for at in range(reached - 1, first, -1):
            repeated = self.measure(self.text[edges[at] : edges[reached]])
            if repeated > self.overlap or not self.fits(edges[at], edges[reached + 1]):
                return at + 1
        return min(first + 1, reached)


def token_counter(tokenizer: "PreTrainedTokenizerBase") -> Callable[[str], int]:
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
    check_whole(chunk_size=chunk_size)
    if not is_whole(overlap, 0) or overlap >= chunk_size:
        raise ValueError(
            f"overlap must be from 0 to below chunk_size={chunk_size}, got {overlap}: with more, "
            "a chunk would be nothing but a repetition"
        )


class Piece(NamedTuple):
    """A part of a text that can't be cut: a token, or several that share a character."""

    start: int
    end: int
    tokens: int


def _pieces(text: str, tokenizer: "PreTrainedTokenizerBase") -> list[Piece]:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    pieces: list[Piece] = []
    for start, end in encoded["offset_mapping"]:
        if pieces and start < pieces[-1].end:  # byte-level tokens of one character
            before = pieces.pop()
            pieces.append(Piece(before.start, max(end, before.end), before.tokens + 1))
        elif end > start:
            pieces.append(Piece(start, end, 1))
    return pieces


def _spans(
    text: str, tokenizer: "PreTrainedTokenizerBase", size: int, overlap: int
) -> list[tuple[int, int]]:
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
    """Return the first piece of ``where`` that follows a blank, or None."""
    for at in where:
        start = pieces[at].start
        if text[start].isspace() or text[start - 1].isspace():
            return at
    return None


def _chunks(document: Document, spans: list[tuple[int, int]]) -> list[Document]:
    """Make documents of the parts, blanks at their ends left out, unless the part is the whole."""
    chunks: list[Document] = []
    for start, end in spans:
        part = document.text[start:end]
        text = part if len(spans) == 1 else part.strip()
        if text.strip():
            start += part.index(text)
            place = {"chunk": len(chunks), "start": start}
            chunks.append(Document(text, {**document.metadata, **place}))
    return chunks
