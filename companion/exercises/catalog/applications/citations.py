"""An exercise: the sources of an answer."""

import re
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("rag", __name__)

exercise = page.exercise(
    title="Sources of an answer",
    difficulty="medium",
    minutes=12,
    statement="""
    A model was shown numbered passages and writes answers such as *The mill burned down [2].* Turn
    the marks into the names of the passages. Models also cite passages that do not exist: take
    these marks out of the text.
    """,
    hints=(
        r"`re.findall(r'\[(\d+)\]', answer)` finds the numbers. What do you do with 0?",
        "Number n stands for `passages[n - 1]`, if n is from 1 to the number of passages.",
        "`re.sub` takes a function: it gets each mark and returns what should stand there. In it "
        "you can also collect the sources.",
    ),
)


@exercise.solution
def cited_sources(
    answer: str,
    passages: list[str],
) -> dict[str, str | list[str]]:
    """Find out which passages an answer cites.

    Args:
        answer: What the model wrote, with marks such as "[2]". Passage 1 is the
        first.
        passages: Names of the passages that the model was shown.

    Returns:
        "sources": the names of the cited passages in the order of their first
        mark, each once; "text": the answer without the marks of passages that
        do not exist, each removed together with the blanks before it.
    """
    sources = []

    def check(mark: re.Match) -> str:
        number = int(mark[1])
        if not 1 <= number <= len(passages):
            return ""
        if passages[number - 1] not in sources:
            sources.append(passages[number - 1])
        return mark[0]

    text = re.sub(r" *\[(\d+)\]", check, answer)
    return {"sources": sources, "text": text}


@exercise.cases
def _source_cases(rng: Random) -> Cases:
    three = [f"{word}.md" for word in some_words(rng, 3)]
    other, one = sorted(rng.sample((1, 2, 3), 2))
    mark = (f"The mill burned down [{one}].", three)
    yield Case("one mark", mark, f"Which passage has the number {one}?")
    twice = f"It reopened [{one}] in spring [{other}], as noted [{one}]."
    yield Case("the same passage twice", (twice, three), "How often should a source be listed?")
    none = rng.randint(4, 9)
    yield Case(
        "a passage that does not exist",
        (f"The tower[{none}] fell  [{none}]. Nobody was hurt [{other}].", three),
        f"Three passages were shown. What is [{none}]? What should a reader see of it?",
    )
    zero = (f"{three[0]} is old [0].", three)
    yield Case("number zero", zero, "What does `passages[0 - 1]` give in Python?")
    many = [f"note {letter}" for letter in "abcdefghijk"]
    number = rng.randint(10, 11)
    yield Case(
        "two digits",
        (f"He left [{number}] in {rng.randint(1900, 2020)} [{rng.randint(2, 9)}].", many),
        "Does your pattern find numbers of more than one digit?",
    )
    yield Case("no marks", ("The documents do not say.", three), "Then what are its sources?")


@exercise.mistake(
    "You count the passages from 0. The model saw numbers that begin with 1, so every answer would "
    "get the source after the right one."
)
def _from_zero(answer: str, passages: list[str]) -> dict[str, str | list[str]]:
    moved = re.sub(r"\[(\d+)\]", lambda mark: f"[{int(mark[1]) + 1}]", answer)
    result = cited_sources(moved, passages)
    return {**result, "text": re.sub(r"\[(\d+)\]", lambda m: f"[{int(m[1]) - 1}]", result["text"])}


@exercise.mistake(
    "[0] became the last passage: index 0 - 1 is -1, and Python counts it from the end. There is "
    "no passage 0."
)
def _negative_index(answer: str, passages: list[str]) -> dict[str, str | list[str]]:
    result = cited_sources(answer.replace("[0]", f"[{len(passages)}]"), passages)
    text = result["text"].replace(f"[{len(passages)}]", "[0]") if "[0]" in answer else None
    return {**result, "text": text or result["text"]}


@exercise.mistake("A passage that is cited twice is listed twice. Name it once.")
def _with_repeats(answer: str, passages: list[str]) -> dict[str, str | list[str]]:
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", answer)]
    sources = [passages[n - 1] for n in numbers if 1 <= n <= len(passages)]
    return {**cited_sources(answer, passages), "sources": sources}


@exercise.mistake(r"Numbers of two digits are not found: `\d` is one digit, `\d+` is one or more.")
def _one_digit(answer: str, passages: list[str]) -> dict[str, str | list[str]]:
    hidden = re.sub(r"\[(\d\d+)\]", r"<\1>", answer)
    result = cited_sources(hidden, passages)
    return {**result, "text": re.sub(r"<(\d+)>", r"[\1]", result["text"])}


@exercise.mistake(
    "Marks of passages that do not exist are still in the text. To a reader they look like "
    "evidence."
)
def _invented_kept(answer: str, passages: list[str]) -> dict[str, str | list[str]]:
    return {**cited_sources(answer, passages), "text": answer}


@exercise.mistake(
    "The sources are in the order of the passages. They were asked for in the order in which the "
    "answer cites them."
)
def _in_order_of_passages(answer: str, passages: list[str]) -> dict[str, str | list[str]]:
    result = cited_sources(answer, passages)
    return {**result, "sources": sorted(result["sources"], key=passages.index)}


@exercise.mistake(
    "Where a mark is removed, blanks before it stay, or a mark without a blank is not found. There "
    "may be none, one or several: ` *` in a pattern stands for any number of blanks."
)
def _one_blank(answer: str, passages: list[str]) -> dict[str, str | list[str]]:
    result = cited_sources(answer, passages)
    kept = set(re.findall(r"\[\d+\]", result["text"]))
    text = re.sub(r" ?(\[\d+\])", lambda mark: mark[0] if mark[1] in kept else "", answer)
    return {**result, "text": text}
