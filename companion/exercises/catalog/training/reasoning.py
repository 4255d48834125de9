"""Exercises: pass@k, a budget for the reasoning, the reward of an answer after reasoning."""

import math
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("reasoning", __name__)

exercise = page.exercise(
    title="pass@k without a bias",
    difficulty="medium",
    minutes=12,
    tolerance=1e-9,
    statement=r"""
    A problem was tried $n$ times, and $c$ of the answers were right. What is the chance that at
    least one of $k$ tries is right? Take the average over all ways to choose $k$ of the $n$
    answers: of the $\binom{n}{k}$ choices, $\binom{n-c}{k}$ hold wrong answers only.
    """,
    hints=(
        "First the share of the choices in which all k answers are wrong.",
        "`math.comb(n, k)` counts the choices. It is 0 where k is larger than n.",
        "`1 - math.comb(n - c, k) / math.comb(n, k)`",
    ),
)


@exercise.solution
def pass_at_k(n: int, c: int, k: int) -> float:
    """Estimate the chance that at least one of k answers is right.

    Args:
        n: Number of answers drawn to a problem.
        c: Number of right ones among them, from 0 to n.
        k: Number of tries, from 1 to n.

    Returns:
        The share of all choices of k of the n answers that hold a right one.
    """
    return 1 - math.comb(n - c, k) / math.comb(n, k)


@exercise.cases
def _pass_cases(rng: Random) -> Cases:
    n = rng.randint(6, 12)
    yield Case("one try", (n, rng.randint(1, n - 1), 1), "With k = 1, it is the share of right.")
    yield Case("none right", (n, 0, rng.randint(2, n)), "Can any choice hold a right answer?")
    yield Case("few wrong", (n, n - 2, 3), "Can all 3 be wrong if only 2 are?")
    k = rng.randint(2, 4)
    yield Case(f"{k} of {n}", (n, 2, k), "How many choices hold wrong answers only?")
    yield Case("all of them", (n, 1, n), "The one right answer is always among the n.")
    many = rng.randint(180, 220)
    yield Case("many tries", (many, rng.randint(2, 20), 64), "How large are the factorials?")


@exercise.mistake(
    "That is 1 - (1 - c/n)^k: drawing with replacement from the n answers. It is too small, and "
    "the bias is largest where k is near n."
)
def _with_replacement(n: int, c: int, k: int) -> float:
    return 1 - (1 - c / n) ** k


@exercise.mistake(
    "That is k times the chance of one try. Two right answers in one choice are counted twice."
)
def _added(n: int, c: int, k: int) -> float:
    return min(1.0, k * c / n)


@exercise.mistake(
    "That is the chance that not all k are right. Asked is that not all of them are wrong."
)
def _not_all_right(n: int, c: int, k: int) -> float:
    return 1 - math.comb(c, k) / math.comb(n, k)


@exercise.mistake(
    "That says whether any of the n answers is right. With n larger than k, those are too many "
    "tries."
)
def _any_of_n(_n: int, c: int, _k: int) -> float:
    return float(c > 0)


@exercise.mistake(
    "That is the chance that *exactly* one of the k is right. Choices with two or more count too."
)
def _exactly_one(n: int, c: int, k: int) -> float:
    return c * math.comb(n - c, k - 1) / math.comb(n, k)


@exercise.mistake("That is the chance that all k are wrong. What is the chance of the opposite?")
def _all_wrong(n: int, c: int, k: int) -> float:
    return 1 - pass_at_k(n, c, k)


exercise = page.exercise(
    title="A budget for the reasoning",
    difficulty="medium",
    minutes=15,
    statement="""
    Budget forcing, as in s1. A model has written tokens of reasoning, and may have closed them
    with `</think>`. If more than `budget` tokens stand before the mark, or before the end where
    there is none, keep the first `budget`. Then put `</think>` behind what is kept, so that the
    model answers next. Drop what stands behind the mark: it will be written anew.
    """,
    hints=(
        "Where does the reasoning end? At the first `</think>`, or at the end of the list.",
        "The mark is no reasoning: it does not count, and there is exactly one in the result.",
        '`thought[:budget] + ["</think>"]`, with `thought` being what stands before the mark.',
    ),
)


@exercise.solution
def force_budget(tokens: list[str], budget: int) -> list[str]:
    """Cut reasoning to a budget and close it.

    Args:
        tokens: What the model wrote after "<think>": reasoning, perhaps
            "</think>", perhaps an answer.
        budget: Tokens of reasoning to keep at most, 0 or more.

    Returns:
        The first tokens of the reasoning, and "</think>" at the end.
    """
    end = tokens.index("</think>") if "</think>" in tokens else len(tokens)
    return [*tokens[: min(end, budget)], "</think>"]


def _thought(rng: Random, steps: int) -> list[str]:
    """Return tokens of a chain of additions."""
    tokens, total = [], rng.randint(5, 30)
    for _ in range(steps):
        more = rng.randint(2, 9)
        tokens += [str(total), "+", str(more), "=", str(total + more), "."]
        total += more
    return tokens


@exercise.cases
def _budget_cases(rng: Random) -> Cases:
    thought = _thought(rng, 2)
    closed = [*thought, "</think>", thought[-2]]
    yield Case("closed within the budget", (closed, 40), "The answer behind the mark is dropped.")
    yield Case("closed, but too long", (closed, rng.randint(3, 8)), "What stands at the end?")
    yield Case("never closed, short", (thought, 40), "It ended without a mark: add one.")
    yield Case("never closed, long", (_thought(rng, 4), rng.randint(5, 15)), "Cut, then close.")
    yield Case("exactly the budget", (closed, len(thought)), "The mark itself does not count.")
    yield Case("no reasoning", (closed, 0), "Thinking is off: what is left?")
    yield Case("closed at once", (["</think>", "7"], 5), "There is no reasoning to keep.")


@exercise.mistake("The mark is missing where the reasoning was cut: the model would go on with it.")
def _only_cut(tokens: list[str], budget: int) -> list[str]:
    if "</think>" in tokens[: budget + 1]:
        return force_budget(tokens, budget)
    return tokens[:budget]


@exercise.mistake("What stood behind the mark is kept: an answer that the model is to write anew.")
def _with_answer(tokens: list[str], budget: int) -> list[str]:
    return tokens if "</think>" in tokens[: budget + 1] else force_budget(tokens, budget)


@exercise.mistake(
    "The model's own mark was taken for a token of reasoning: it was counted, and what comes after "
    "it was kept. Look for the mark first; the reasoning ends there."
)
def _mark_not_seen(tokens: list[str], budget: int) -> list[str]:
    return [*tokens[:budget], "</think>"]


@exercise.mistake("There are two marks where the model had closed its reasoning by itself.")
def _twice(tokens: list[str], budget: int) -> list[str]:
    forced = force_budget(tokens, budget)
    return [*forced, "</think>"] if "</think>" in tokens[: budget + 1] else forced


@exercise.mistake("The mark takes a place of the budget: one token of reasoning too few is kept.")
def _mark_counts(tokens: list[str], budget: int) -> list[str]:
    return force_budget(tokens, max(0, budget - 1))


@exercise.mistake(
    "The whole reasoning is thrown away where it is too long. Keep as much as the budget allows."
)
def _all_or_nothing(tokens: list[str], budget: int) -> list[str]:
    forced = force_budget(tokens, len(tokens))
    return forced if len(forced) - 1 <= budget else ["</think>"]


exercise = page.exercise(
    title="The reward of an answer",
    difficulty="easy",
    minutes=10,
    statement="""
    A reward for GRPO with reasoning. It is 1.0 if what stands behind the last `</think>` is the
    wanted answer, blanks around it aside, and 0.0 otherwise. Whatever the reasoning holds, right
    or wrong, does not count; without `</think>` there is no answer yet.
    """,
    hints=(
        '`text.rpartition("</think>")` gives three parts. What is the second if there is no mark?',
        "Compare the whole answer, not a part of it: 12 is in 112 and in `12 or 13`.",
        "`strip()` takes the blanks away.",
    ),
)


@exercise.solution
def answer_reward(text: str, wanted: str) -> float:
    """Reward the answer behind the reasoning.

    Args:
        text: What the model wrote in its turn.
        wanted: The right answer.

    Returns:
        1.0 for the right answer behind the last "</think>", else 0.0.
    """
    _, mark, answer = text.rpartition("</think>")
    return float(bool(mark) and answer.strip() == wanted)


@exercise.cases
def _reward_cases(rng: Random) -> Cases:
    a, b = rng.randint(10, 40), rng.randint(2, 9)
    right, wrong = str(a + b), str(a + b + 1)
    step = f"<think>{a} plus {b} is {right}."
    yield Case("right", (f"{step}</think> {right}", right), "Are blanks taken away?")
    yield Case(
        "right steps, wrong answer",
        (f"{step}</think> {wrong}", right),
        "Where does the answer stand?",
    )
    slip = f"<think>{a} plus {b} is {wrong}.</think> {right}"
    yield Case("wrong steps, right answer", (slip, right), "Do the steps count?")
    yield Case("cut off", (f"{step} The answer is {right}", right), "Was there an answer yet?")
    hedge = f"{step}</think> {right} or {wrong}"
    yield Case("two answers", (hedge, right), "Is that one answer, or a list?")
    yield Case("longer number", (f"{step}</think> 1{right}", right), "Is 112 the same as 12?")
    again = f"<think>{wrong}?</think> no: {step}</think>\n{right}"
    yield Case("two marks", (again, right), "Which mark is the last one?")
    yield Case("only the number", (right, right), "Without a mark there is no answer yet.")


@exercise.mistake("The right number in the reasoning is rewarded, whatever the answer is.")
def _anywhere(text: str, wanted: str) -> float:
    return float(wanted in text)


@exercise.mistake(
    "It is enough that the answer contains the number. A model soon learns to list several."
)
def _contains(text: str, wanted: str) -> float:
    _, mark, answer = text.rpartition("</think>")
    return float(bool(mark) and wanted in answer)


@exercise.mistake(
    "A text without the mark is taken for an answer. Cut off, or never begun, there is none."
)
def _without_mark(text: str, wanted: str) -> float:
    return float(text.rpartition("</think>")[2].strip() == wanted)


@exercise.mistake("The blank before the answer is not taken away, so right answers get nothing.")
def _blanks(text: str, wanted: str) -> float:
    _, mark, answer = text.rpartition("</think>")
    return float(bool(mark) and answer == wanted)


@exercise.mistake("It looks behind the first mark. The answer stands behind the last one.")
def _first_mark(text: str, wanted: str) -> float:
    _, mark, answer = text.partition("</think>")
    return float(bool(mark) and answer.strip() == wanted)


@exercise.mistake(
    "The steps are checked as well. The reward here is for the answer alone; what to think of "
    "that is another question."
)
def _steps_too(text: str, wanted: str) -> float:
    thought, _, _ = text.rpartition("</think>")
    return answer_reward(text, wanted) * (wanted in thought)
