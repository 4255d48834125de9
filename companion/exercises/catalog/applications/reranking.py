"""Exercises: late interaction, the ceiling of a reranker, follow-up questions, neighbors."""

import re
from random import Random

import numpy as np

from companion.exercises.catalog._draws import numbers, some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("reranking", __name__)
Array = np.ndarray
Parts = list[tuple[str, str]]

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
        passage_mask: True for real tokens, at least one per passage, shape (P, T).

    Returns:
        For each real token of the question the largest inner product with a real token of the
        passage, summed over the question; shape (Q, P).
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
        ranks: For each question the rank of the first right passage, 1 for the best, or None if
            there was none.
        depth: Candidates that the reranker sees. What comes after them keeps its place.

    Returns:
        Means over all questions: "before", 1 / rank, or 0 without a rank; and "after", the same
        once the reranker has put a right passage first in each question where it saw one.
    """
    before = [1 / rank if rank else 0.0 for rank in ranks]
    after = [
        1.0 if rank and rank <= depth else old for rank, old in zip(ranks, before, strict=True)
    ]
    return {"before": sum(before) / len(ranks), "after": sum(after) / len(ranks)}


@exercise.cases
def _room_cases(rng: Random) -> Cases:
    yield Case("all within reach", ([1, 2, 4], 5), "Where does the right passage end up?")
    yield Case("one at the border", ([3, 1, 8], 3), "Is rank 3 among the first 3?")
    yield Case(
        "one too far down",
        ([1, 12, 2], 10),
        "The reranker does not see rank 12. What does the search give for it?",
    )
    yield Case("one never found", ([2, None, 1], 10), "How many questions are there?")
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


exercise = page.exercise(
    title="Make a follow-up whole",
    difficulty="easy",
    minutes=10,
    statement="""
    "Why is it clipped?" can't be searched for. The simplest repair puts the question before in
    front. But only where the new one points back; after a change of topic it would do harm.
    """,
    hints=(
        '`re.findall(r"[a-z\']+", question.lower())` gives whole words.',
        "Two tests: is any word in `POINTING`, or is the first one in `OPENING`?",
        'Return `f"{before} {question}"` or the question as it is.',
    ),
)

POINTING = ("it", "its", "they", "them", "their", "that", "this", "one")
OPENING = ("and", "or", "but")


@exercise.solution
def standalone(
    question: str,
    before: str,
    pointing: tuple[str, ...] = ("it", "its", "they", "them", "their", "that", "this", "one"),
    opening: tuple[str, ...] = ("and", "or", "but"),
) -> str:
    """Put the question before in front of one that points back.

    Args:
        question: What the user asks now, at least one word.
        before: What the user asked before; empty in the first turn.
        pointing: Words that point back, wherever they stand.
        opening: Words that point back if the question begins with one of them.

    Returns:
        Both questions with a blank between them if there is one before and the new one points
        back; else the new one, unchanged. Words are whole words, in upper or lower case.
    """
    words = re.findall(r"[a-z']+", question.lower())
    back = any(word in pointing for word in words) or words[0] in opening
    return f"{before} {question}" if before and back else question


@exercise.cases
def _standalone_cases(rng: Random) -> Cases:
    thing, other = some_words(rng, 2)
    before = f"What is a {thing}?"
    yield Case("a pronoun", ("How does it work?", before), "Which word points back?")
    yield Case("a first word", (f"And a {other}?", before), "How does the question begin?")
    yield Case(
        "a change of topic",
        (f"Which {other} fits under a ladder?", before),
        "Does any whole word point back? Letters inside a word do not count.",
    )
    yield Case(
        "and, in the middle",
        (f"What do {thing} and {other} cost?", "Who was here?"),
        "These words point back only where the question begins with them.",
    )
    yield Case("capital letters", ("IT costs how much?", before), "Is IT another word than it?")
    yield Case("the first turn", ("What is it?", ""), "What was asked before? Mind the blank.")


@exercise.mistake(
    "You look for the letters anywhere. *fits* has *it* in it, and then nearly every question "
    "points back."
)
def _letters(
    question: str, before: str, pointing: tuple[str, ...] = POINTING, *_: tuple[str, ...]
) -> str:
    back = any(word in question.lower() for word in pointing)
    back = back or question.lower().startswith(OPENING)
    return f"{before} {question}" if before and back else question


@exercise.mistake(
    "The question before is always put in front. After a change of topic the search then looks for "
    "two things at once."
)
def _always(question: str, before: str, *_: tuple[str, ...]) -> str:
    return f"{before} {question}" if before else question


@exercise.mistake(
    "*And* counts anywhere. In the middle of a question it joins two things of this question."
)
def _and_anywhere(
    question: str,
    before: str,
    pointing: tuple[str, ...] = POINTING,
    opening: tuple[str, ...] = OPENING,
) -> str:
    return standalone(question, before, pointing + opening, opening)


@exercise.mistake("Upper and lower case are different with you. People write both.")
def _as_written(
    question: str,
    before: str,
    pointing: tuple[str, ...] = POINTING,
    opening: tuple[str, ...] = OPENING,
) -> str:
    words = re.findall(r"[A-Za-z']+", question)
    back = any(word in pointing for word in words) or words[0].lower() in opening
    return f"{before} {question}" if before and back else question


exercise = page.exercise(
    title="Search small, show big",
    difficulty="medium",
    minutes=10,
    statement="""
    A search among short chunks found one of them. Show it together with its neighbors: those before
    and after it in the document, but never across the border of its section.
    """,
    hints=(
        "`range(max(0, place - reach), min(len(chunks), place + reach + 1))` are the places.",
        "A negative start of a slice counts from the end. That is why `max` is there.",
        "Of these places keep those whose section is that of the chunk, in their order.",
    ),
)


@exercise.solution
def with_neighbors(chunks: list[tuple[str, str]], place: int, reach: int) -> str:
    """Return a chunk with its neighbors as one text.

    Args:
        chunks: Pairs of section and text, in the order of the document. The chunks of a section
            stand together.
        place: Which chunk was found, counted from 0.
        reach: How many neighbors to show on each side, 0 or more.

    Returns:
        The texts in their order, with one blank between them; only those of the same section.
    """
    around = range(max(0, place - reach), min(len(chunks), place + reach + 1))
    return " ".join(chunks[at][1] for at in around if chunks[at][0] == chunks[place][0])


@exercise.cases
def _neighbor_cases(rng: Random) -> Cases:
    words = some_words(rng, 9)
    sections = ["One", "One", "One", "One", "Two", "Two", "Two", "Two", "Three"]
    chunks = list(zip(sections, words, strict=True))
    yield Case("in the middle", (chunks, 2, 1), "One on each side: how many are shown?")
    yield Case("at the border", (chunks, 4, 2), "Which of the neighbors are of the same section?")
    yield Case("at the beginning", (chunks, 0, 2), "What is chunks[-2:3]? Is that wanted?")
    yield Case("at the end", (chunks, 8, 3), "Is any neighbor in its section?")
    yield Case("no reach", (chunks, rng.randint(1, 6), 0), "The chunk itself is always shown.")
    yield Case("a wide reach", (chunks, 5, 3), "How far does the section go?")


@exercise.mistake(
    "Neighbors of the next section are shown, too. They are about something else, and whoever "
    "reads them takes them for a part of the answer."
)
def _across(chunks: Parts, place: int, reach: int) -> str:
    return " ".join(text for _, text in chunks[max(0, place - reach) : place + reach + 1])


@exercise.mistake(
    "The last neighbor is missing: a slice ends *before* its end, so it takes `place + reach + 1`."
)
def _short(chunks: Parts, place: int, reach: int) -> str:
    around = range(max(0, place - reach), min(len(chunks), place + max(reach, 1)))
    return " ".join(chunks[at][1] for at in around if chunks[at][0] == chunks[place][0])


@exercise.mistake(
    "Near the beginning the start of the slice is negative, which counts from the end. Nothing, or "
    "something else, is shown."
)
def _negative(chunks: Parts, place: int, reach: int) -> str:
    around = chunks[place - reach : place + reach + 1]
    return " ".join(text for section, text in around if section == chunks[place][0])


@exercise.mistake("The chunk that was found is missing. Its neighbors are shown around it.")
def _without_itself(chunks: Parts, place: int, reach: int) -> str:
    around = range(max(0, place - reach), min(len(chunks), place + reach + 1))
    same = [at for at in around if chunks[at][0] == chunks[place][0] and at != place]
    return " ".join(chunks[at][1] for at in same)
