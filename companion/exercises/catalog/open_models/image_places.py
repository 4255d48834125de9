"""Exercises on images in a language model: placeholders, labels."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("multimodal", __name__)

exercise = page.exercise(
    title="Put images in their places",
    difficulty="medium",
    minutes=15,
    statement="""
    In a batch of token ids, a placeholder stands where a vector of an image belongs. Look up the
    embeddings of all tokens and replace those of the placeholders by the image vectors, in order.
    The rows of the batch have images at different positions.
    """,
    hints=(
        "`table[ids]` gives the embeddings, shape (B, T, D).",
        "`ids == placeholder` says which positions to replace. Do it in a copy.",
        "Image vectors of shape (N, P, D) become a list of vectors by `reshape(-1, D)`.",
    ),
)


@exercise.solution
def merge_embeddings(
    ids: np.ndarray, table: np.ndarray, vectors: np.ndarray, placeholder: int
) -> np.ndarray:
    """Return the input vectors of texts with images.

    Args:
        ids: Token ids, shape (B, T).
        table: Embeddings of the vocabulary, shape (V, D).
        vectors: Projected patches of all images in the order of the batch,
            shape (N, P, D).
        placeholder: Id of the token that marks the place of a patch.

    Returns:
        Shape (B, T, D).

    Raises:
        ValueError: If there are not as many placeholders as patches.
    """
    places = ids == placeholder
    flat = vectors.reshape(-1, table.shape[1])
    if places.sum() != len(flat):
        raise ValueError(f"{places.sum()} placeholders for {len(flat)} patches")
    merged = table[ids]
    merged[places] = flat
    return merged


@exercise.cases
def _merge_cases(rng: Random) -> Cases:
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    table = draw(size=(10, 3)).round(2)
    one = np.array([[4, 9, 9, 5, rng.randint(1, 8)]])
    yield Case("one image", (one, table, draw(size=(1, 2, 3)), 9), "Words keep their embedding.")
    two = np.array([[9, 9, 4, 5, 6], [7, 4, 3, 9, 9]])
    yield Case("at different places", (two, table, draw(size=(2, 2, 3)), 9), "Each row on its own.")
    many = np.array([[9, 4, 9, 5], [1, 2, 3, 4]])
    yield Case("two in one row", (many, table, draw(size=(2, 1, 3)), 9), "The second row is text.")
    other = np.array([[3, 5, 3, 0], [3, 3, 8, 9]])
    yield Case(
        "another placeholder",
        (other, table, draw(size=(2, 2, 3)), 3),
        "Which id marks a place here?",
    )
    yield Case(
        "too few", (two, table, draw(size=(1, 2, 3)), 9), "What does it raise?", refused=True
    )
    single, more = draw(size=(1, 1, 3)), draw(size=(3, 2, 3))
    yield Case("one for four places", (two, table, single, 9), "Is it shown 4 times?", refused=True)
    yield Case("too many", (two, table, more, 9), "Where would the rest go?", refused=True)


@exercise.mistake("The image vectors were added to the placeholder's embedding. They replace it.")
def _added(ids: np.ndarray, table: np.ndarray, vectors: np.ndarray, placeholder: int) -> np.ndarray:
    merged = merge_embeddings(ids, table, vectors, placeholder)
    merged[ids == placeholder] += table[placeholder]
    return merged


@exercise.mistake(
    "The images are put at the beginning of each row. The placeholders say where they belong."
)
def _in_front(
    ids: np.ndarray, table: np.ndarray, vectors: np.ndarray, placeholder: int
) -> np.ndarray:
    merge_embeddings(ids, table, vectors, placeholder)
    rows = []
    for row, count in zip(ids, (ids == placeholder).sum(1), strict=True):
        taken = sum(len(kept) for kept, _ in rows)
        flat = vectors.reshape(-1, table.shape[1])[taken : taken + count]
        rows.append((flat, table[row[row != placeholder]]))
    return np.stack([np.concatenate(parts) for parts in rows])


@exercise.mistake("Where the numbers don't fit, images would land in wrong places. Raise an error.")
def _no_check(
    ids: np.ndarray, table: np.ndarray, vectors: np.ndarray, placeholder: int
) -> np.ndarray:
    merged = table[ids]
    flat = vectors.reshape(-1, table.shape[1])
    merged[ids == placeholder] = np.resize(flat, ((ids == placeholder).sum(), table.shape[1]))
    return merged


@exercise.mistake(
    "NumPy happens to stop where the numbers don't fit, but it spreads a single patch over all "
    "places. Count first, and raise a ValueError."
)
def _spread(
    ids: np.ndarray, table: np.ndarray, vectors: np.ndarray, placeholder: int
) -> np.ndarray:
    merged = table[ids]
    merged[ids == placeholder] = vectors.reshape(-1, table.shape[1])
    return merged


@exercise.mistake(
    "Too few patches are refused, but those that are too many are dropped without a word: part of "
    "an image would be missing."
)
def _rest_dropped(
    ids: np.ndarray, table: np.ndarray, vectors: np.ndarray, placeholder: int
) -> np.ndarray:
    flat = vectors.reshape(-1, 1, table.shape[1])[: (ids == placeholder).sum()]
    return merge_embeddings(ids, table, flat, placeholder)


@exercise.mistake(
    "The vectors are in reverse order: the last patch stands where the first belongs."
)
def _reversed(
    ids: np.ndarray, table: np.ndarray, vectors: np.ndarray, placeholder: int
) -> np.ndarray:
    flat = vectors.reshape(-1, 1, table.shape[1])[::-1]
    return merge_embeddings(ids, table, flat, placeholder)


exercise = page.exercise(
    title="Labels of an image question",
    difficulty="easy",
    minutes=8,
    statement="""
    A batch holds questions about images: placeholders, the question, the answer, and padding on the
    right. Write the labels: only the tokens of the answer count, everything else is -100.
    """,
    hints=(
        "You know where the answer begins and how long it is.",
        "The label of a position is the token there: the library shifts by one itself.",
        "Padding comes after the answer. It has to be -100 as well.",
    ),
)


@exercise.solution
def answer_labels(
    ids: list[list[int]],
    starts: list[int],
    lengths: list[int],
) -> list[list[int]]:
    """Return labels for each row.

    Args:
        ids: Token ids of each row, all of one length.
        starts: Position of the first token of each answer.
        lengths: Tokens of each answer.

    Returns:
        The ids of the answers at their own positions, -100 elsewhere.
    """
    return [
        [token if start <= i < start + length else -100 for i, token in enumerate(row)]
        for row, start, length in zip(ids, starts, lengths, strict=True)
    ]


@exercise.cases
def _label_cases(rng: Random) -> Cases:
    word = rng.randint(300, 900)
    one = [9, 9, 9, 40, 41, word]
    yield Case("one row", ([one], [5], [1]), "One token counts.")
    two = [[9, 9, 40, 41, word, word + 1], [9, 9, 40, 42, 43, word + 2]]
    yield Case("answers of two lengths", (two, [4, 5], [2, 1]), "Each row has its own start.")
    padded = [[9, 9, 40, word, 1, 1], [9, 9, 40, 41, word, word + 3]]
    yield Case("with padding", (padded, [3, 4], [1, 2]), "Does padding count?")
    yield Case(
        "a long answer", ([[9, 40, *range(word, word + 5), 1]], [2], [5]), "Where is its end?"
    )


@exercise.mistake("Padding counts: the model would learn to write it.")
def _with_padding(ids: list[list[int]], starts: list[int], lengths: list[int]) -> list[list[int]]:
    ends = [len(row) - start for row, start in zip(ids, starts, strict=True)]
    return answer_labels(ids, starts, ends if lengths else [])


@exercise.mistake("Everything counts. Image and question are given, and need not be learned.")
def _everything(ids: list[list[int]], _starts: list[int], _lengths: list[int]) -> list[list[int]]:
    return [list(row) for row in ids]


@exercise.mistake("The labels are shifted by one. The library does that, so they'd move twice.")
def _shifted(ids: list[list[int]], starts: list[int], lengths: list[int]) -> list[list[int]]:
    return [[*row[1:], -100] for row in answer_labels(ids, starts, lengths)]


@exercise.mistake("The mask is turned around: the answer is left out, and the rest counts.")
def _inverted(ids: list[list[int]], starts: list[int], lengths: list[int]) -> list[list[int]]:
    labels = answer_labels(ids, starts, lengths)
    return [
        [token if label == -100 else -100 for token, label in zip(row, kept, strict=True)]
        for row, kept in zip(ids, labels, strict=True)
    ]
