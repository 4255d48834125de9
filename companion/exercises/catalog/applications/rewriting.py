"""Exercises: follow-up questions made whole, and neighbors of a chunk."""

import re
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("reranking", __name__)
Parts = list[tuple[str, str]]

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
    pointing: tuple[str, ...] = (
        "it",
        "its",
        "they",
        "them",
        "their",
        "that",
        "this",
        "one",
    ),
    opening: tuple[str, ...] = ("and", "or", "but"),
) -> str:
    """Put the question before in front of one that points back.

    Args:
        question: What the user asks now, at least one word.
        before: What the user asked before; empty in the first turn.
        pointing: Words that point back, wherever they stand.
        opening: Words that point back if the question begins with one of them.

    Returns:
        Both questions with a blank between them if there is one before and the
        new one points back; else the new one, unchanged. Words are whole words,
        in upper or lower case.
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
    own = ("Does that fit?", before, ("he", "she"), ("so",))
    yield Case("other words", own, "Which words are to be looked for here?")


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


@exercise.mistake(
    "The words that were handed in are not used: you look for words of your own. Another language "
    "has others."
)
def _own_words(question: str, before: str, *_: tuple[str, ...]) -> str:
    return standalone(question, before)


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
def with_neighbors(
    chunks: list[tuple[str, str]],
    place: int,
    reach: int,
) -> str:
    """Return a chunk with its neighbors as one text.

    Args:
        chunks: Pairs of section and text, in the order of the document. The
            chunks of a section stand together.
        place: Which chunk was found, counted from 0.
        reach: How many neighbors to show on each side, 0 or more.

    Returns:
        The texts in their order, with one blank between them; only those of the
        same section.
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
    single = (chunks[:4], 0, rng.randint(1, 2))
    yield Case("one section", single, "What is chunks[-1]? Does it stand before the first?")


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


@exercise.mistake(
    "Before the first chunk you show the last one: in Python, place -1 is the last of a list. "
    "Begin at 0, or later."
)
def _around_the_end(chunks: Parts, place: int, reach: int) -> str:
    around = range(place - reach, min(len(chunks), place + reach + 1))
    return " ".join(chunks[at][1] for at in around if chunks[at][0] == chunks[place][0])


@exercise.mistake("The chunk that was found is missing. Its neighbors are shown around it.")
def _without_itself(chunks: Parts, place: int, reach: int) -> str:
    around = range(max(0, place - reach), min(len(chunks), place + reach + 1))
    same = [at for at in around if chunks[at][0] == chunks[place][0] and at != place]
    return " ".join(chunks[at][1] for at in same)
