"""Exercises: late interaction, and the room that a reranker has."""

from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("reranking", __name__)
Array = np.ndarray

exercise = page.exercise(
    title="MaxSim with masks",
    difficulty="medium",
    minutes=15,
    tolerance=1e-6,
    statement=r"""
    Late interaction scores a question on a passage by $\sum_i \max_j\, q_i \cdot d_j$. Write it for
    a batch of questions and passages that were filled up to the same length. What stands in the
    filled-up places is no zero: it can be anything.
    """,
    hints=(
        "All cosines are one `np.einsum`: from `qsx` and `ptx` to `qpst`.",
        "Which value can never be the largest? Put it where the passage is filled up, before the "
        "maximum.",
        "`np.where(passage_mask[None, :, None, :], cosines, -np.inf).max(axis=-1)`, and then the "
        "sum over the question's own tokens.",
    ),
)


@exercise.solution
def maxsim(
    questions: np.ndarray,
    passages: np.ndarray,
    question_mask: np.ndarray,
    passage_mask: np.ndarray,
) -> np.ndarray:
    """Score every question on every passage by late interaction.

    Args:
        questions: Vectors of the questions' tokens, shape (Q, S, d).
        passages: Vectors of the passages' tokens, shape (P, T, d).
        question_mask: True for real tokens, shape (Q, S).
        passage_mask: True for real tokens, at least one a row, shape (P, T).

    Returns:
        For each real token of the question the largest inner product with a
        real token of the passage, summed over the question; shape (Q, P).
    """
    cosines = np.einsum("qsx,ptx->qpst", questions, passages)
    best = np.where(passage_mask[None, :, None, :], cosines, -np.inf).max(axis=-1)
    return (best * question_mask[:, None, :]).sum(axis=-1)


@exercise.cases
def _maxsim_cases(rng: Random) -> Cases:
    def mask(*lengths: int) -> Array:
        return np.arange(max(lengths)) < np.array(lengths)[:, None]

    one = numbers(rng, 0.1, 1, 1, 2, 2), numbers(rng, 0.1, 1, 1, 3, 2)
    yield Case(
        "one question, one passage",
        (*one, mask(2), mask(3)),
        "For each token of the question: which is its best partner?",
    )
    questions = numbers(rng, 0.1, 1, 2, 3, 2)
    passages = numbers(rng, 0.1, 1, 2, 4, 2)
    passages[0, 2:] = 3.0  # garbage where it is filled up
    yield Case(
        "a batch of 2, one passage filled up",
        (questions, passages, mask(3, 3), mask(2, 4)),
        "The filled-up places have large products. May they be anybody's best partner?",
    )
    yield Case(
        "a batch of 2, one question filled up",
        (questions, passages[1:], mask(1, 3), mask(4)),
        "How many tokens has the first question? Only these are added.",
    )
    yield Case(
        "only negative products",
        (questions, -passages[:, :3], mask(3, 2), mask(1, 3)),
        "Every product is negative. Is 0 larger? Then it must not stand there.",
    )
    draw = np.random.default_rng(rng.getrandbits(32)).normal
    yield Case(
        "random vectors",
        (draw(size=(3, 4, 5)), draw(size=(2, 6, 5)), mask(4, 1, 2), mask(6, 3)),
        "Is the shape of the result (questions, passages)?",
    )


@exercise.mistake(
    "Padding of the passage takes part in the maximum. Its vectors are no zeros, and a passage "
    "then scores higher the more it was filled up."
)
def _padding_wins(questions: Array, passages: Array, question_mask: Array, _: Array) -> Array:
    return maxsim(questions, passages, question_mask, np.ones(passages.shape[:2], dtype=bool))


@exercise.mistake(
    "Masked cosines are 0 instead of minus infinity. Where all real ones are negative, 0 is the "
    "largest, and the padding wins."
)
def _zero_for_padding(
    questions: Array, passages: Array, question_mask: Array, passage_mask: Array
) -> Array:
    cosines = np.einsum("qsx,ptx->qpst", questions, passages)
    best = (cosines * passage_mask[None, :, None, :]).max(axis=-1)
    return (best * question_mask[:, None, :]).sum(axis=-1)


@exercise.mistake(
    "Filled-up places of the question are added as if they were tokens. Mask them in the sum."
)
def _question_padding(questions: Array, passages: Array, _: Array, passage_mask: Array) -> Array:
    return maxsim(questions, passages, np.ones(questions.shape[:2], dtype=bool), passage_mask)


@exercise.mistake(
    "The roles are exchanged: each token of the passage looks for a partner in the question. Long "
    "passages then get higher scores, whatever they say."
)
def _roles(questions: Array, passages: Array, question_mask: Array, passage_mask: Array) -> Array:
    return maxsim(passages, questions, passage_mask, question_mask).T


@exercise.mistake(
    "You take the mean over the passage where the largest is asked for. That is near to what one "
    "vector per passage does, and single words are lost in it."
)
def _mean_partner(
    questions: Array, passages: Array, question_mask: Array, passage_mask: Array
) -> Array:
    cosines = np.einsum("qsx,ptx->qpst", questions, passages)
    weights = passage_mask / passage_mask.sum(axis=1, keepdims=True)
    mean = (cosines * weights[None, :, None, :]).sum(axis=-1)
    return (mean * question_mask[:, None, :]).sum(axis=-1)


exercise = page.exercise(
    title="What a reranker can win",
    difficulty="easy",
    minutes=8,
    tolerance=1e-9,
    statement="""
    You have a search and think of a reranker for its first candidates. Before you build it: what
    would a *perfect* one reach? From the ranks of the first right passage, compute the MRR of the
    search, and the MRR after a reranker that puts a right passage first wherever it has one.
    """,
    hints=(
        "Where the rank is at most the depth, it becomes 1.",
        "A right passage further down stays where it is: nobody looked at it.",
        "A question without a right passage counts 0, before and after.",
    ),
)


@exercise.solution
def room(ranks: list[int | None], depth: int) -> dict[str, float]:
    """Compare a search with a perfect reranker of its first candidates.

    Args:
        ranks: For each question the rank of the first right passage, 1 for the
            best, or None if there was none.
        depth: Candidates that the reranker sees. What comes after them keeps
            its place.

    Returns:
        Means over all questions: "before", 1 / rank, or 0 without a rank; and
        "after", the same once the reranker has put a right passage first in
        each question where it saw one.
    """
    before = [1 / rank if rank else 0.0 for rank in ranks]
    after = [
        1.0 if rank and rank <= depth else old for rank, old in zip(ranks, before, strict=True)
    ]
    return {"before": sum(before) / len(ranks), "after": sum(after) / len(ranks)}


@exercise.cases
def _room_cases(rng: Random) -> Cases:
    far = rng.randint(11, 25)
    yield Case(
        "all within reach", ([1, 2, rng.randint(3, 6)], 6), "Where does the right passage end up?"
    )
    yield Case("one at the border", ([3, 1, 8], 3), "Is rank 3 among the first 3?")
    yield Case(
        "one too far down",
        ([1, far, 2], 10),
        f"The reranker does not see rank {far}. What does the search give for it?",
    )
    yield Case(
        "one never found", ([rng.randint(2, 9), None, 1], 10), "How many questions are there?"
    )
    drawn = [rng.choice((1, 1, 2, 3, 7, 15, None)) for _ in range(10)]
    yield Case("random ranks", (drawn, rng.randint(2, 9)), "Which ranks become 1?")


@exercise.mistake(
    "What the reranker does not see counts 0 with you. But it keeps its place behind the "
    "candidates, and a user who scrolls still finds it."
)
def _forgotten(ranks: list[int | None], depth: int) -> dict[str, float]:
    seen = [bool(rank and rank <= depth) for rank in ranks]
    return {**room(ranks, depth), "after": sum(seen) / len(ranks)}


@exercise.mistake("The candidate at the last place is seen, too: rank and depth may be equal.")
def _border(ranks: list[int | None], depth: int) -> dict[str, float]:
    return room(ranks, depth - 1)


@exercise.mistake(
    "No reranker brings back what the search has missed. With you, questions without a right "
    "passage are answered after the reranking."
)
def _miracle(ranks: list[int | None], depth: int) -> dict[str, float]:
    return {**room(ranks, depth), "after": room([rank or 1 for rank in ranks], depth)["after"]}


@exercise.mistake(
    "You divide by the questions that have a right passage. A search then looks better the more it "
    "misses."
)
def _over_found(ranks: list[int | None], depth: int) -> dict[str, float]:
    return room([rank for rank in ranks if rank] or [None], depth)
