"""An exercise: chunks with overlap."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("documents", __name__)

exercise = page.exercise(
    id="chunks-with-overlap",
    title="Chunks with overlap",
    difficulty="easy",
    minutes=10,
    statement="""
    Embedding models read a few hundred tokens, so documents are cut into chunks. An overlap keeps a
    sentence at a border whole in one of them. Cut a list of tokens.
    """,
    hints=(
        "Where does the second chunk begin, if it shares `overlap` tokens with the first?",
        "The starts are 0, step, 2 step, ... with `step = size - overlap`. A slice may reach "
        "beyond the end.",
        "A start is of use only if more than `overlap` tokens are left from there on; or if it is "
        "the first.",
    ),
)


@exercise.solution
def chunk_tokens(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    """Cut tokens into chunks that begin with the last tokens of the one before.

    Args:
        tokens: Tokens of a document.
        size: Tokens of a chunk; only the last may have fewer.
        overlap: Tokens that a chunk shares with the one before.

    Returns:
        The chunks in order, none for an empty document. Every token is in at
        least one, and every chunk has at least one token that no chunk before
        it has.

    Raises:
        ValueError: If overlap is negative or not smaller than size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap must be from 0 to below size={size}, got {overlap}")
    if not tokens:
        return []
    starts = range(0, max(len(tokens) - overlap, 1), size - overlap)
    return [tokens[start : start + size] for start in starts]


@exercise.cases
def _chunk_cases(rng: Random) -> Cases:
    tokens = rng.sample(range(10, 100), 14)
    yield Case(
        "seven tokens, size 3, overlap 1",
        (tokens[:7], 3, 1),
        "By how much does the start move from one chunk to the next?",
    )
    yield Case(
        "a short last chunk",
        (tokens[:6], 4, 1),
        "Where are the last tokens? Is every token in some chunk?",
    )
    yield Case("a short document", (tokens[:2], 5, 2), "How many chunks does it need?")
    yield Case("an empty document", ([], 5, 2), "Is an empty list a chunk?")
    length, size = rng.randint(9, 14), rng.randint(3, 6)
    overlap = rng.randint(1, size - 1)
    yield Case(
        f"size {size}, overlap {overlap}",
        (tokens[:length], size, overlap),
        "Does the last chunk say anything that the one before it has not said?",
    )
    yield Case("no overlap", (tokens[:5], 2, 0), "Is 0 negative, or not smaller than the size?")
    stuck, think = (tokens[:4], 2, 2), "When would the last chunk come?"
    yield Case("overlap as large as the chunk", stuck, think, refused=True)
    larger = (tokens[:length], size, size + rng.randint(1, 3))
    yield Case("overlap larger than the chunk", larger, "Which way would it go?", refused=True)
    negative = (tokens[:length], size, -1)
    yield Case("a negative overlap", negative, "Which tokens would be left out?", refused=True)


@exercise.mistake(
    "Only full chunks are kept, and the end of the document is lost. What is not in a chunk can "
    "never be found."
)
def _full_only(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    starts = range(0, len(tokens) - size + 1, size - overlap)
    return [tokens[start : start + size] for start in starts]


@exercise.mistake(
    "The last chunk only repeats the end of the one before. It says nothing new and takes a place "
    "among the results."
)
def _repeated_tail(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    starts = range(0, len(tokens), size - overlap)
    return [tokens[start : start + size] for start in starts]


@exercise.mistake(
    "The chunks do not overlap: the start moves by size. It has to move by size - overlap."
)
def _no_overlap(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    return chunk_tokens(tokens, size, 0)


@exercise.mistake(
    "The overlap was added in front, so the chunks are longer than size. The embedding model would "
    "cut them off without a word."
)
def _longer_chunks(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    return [tokens[max(start - overlap, 0) : start + size] for start in range(0, len(tokens), size)]


@exercise.mistake(
    "With an overlap as large as the chunk, the start would not move at all: an endless loop, or a "
    "chunk for every token. Refuse it with a ValueError."
)
def _anything_goes(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    if 0 <= overlap < size:
        return chunk_tokens(tokens, size, overlap)
    return [tokens[start : start + size] for start in range(len(tokens))]


@exercise.mistake(
    "Nothing is checked. Python's `range` refuses a step of 0, where overlap and size are equal. A "
    "larger or a negative overlap gets through, and tokens are lost."
)
def _not_checked(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    starts = range(0, max(len(tokens) - overlap, 1), size - overlap)
    return [tokens[start : start + size] for start in starts] if tokens else []


@exercise.mistake(
    "An overlap of 0 is refused. It is neither negative nor too large: nothing is shared."
)
def _needs_overlap(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    return chunk_tokens(tokens, size, overlap or size)


@exercise.mistake(
    "An overlap that is too large is refused, and a negative one is not: it leaves tokens out "
    "between two chunks."
)
def _only_above(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    if overlap >= 0:
        return chunk_tokens(tokens, size, overlap)
    return [tokens[at : at + size] for at in range(0, len(tokens), size - overlap)]


@exercise.mistake(
    "A negative overlap is refused, and one that is larger than the chunk is not: the start would "
    "go backward. Refuse all that is not smaller than the size."
)
def _only_equal(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    return [] if overlap > size else chunk_tokens(tokens, size, overlap)
