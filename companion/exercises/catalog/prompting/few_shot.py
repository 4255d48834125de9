"""Exercises: a few-shot prompt, an interval for an accuracy."""

import math
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("few-shot", __name__)

exercise = page.exercise(
    title="Write a few-shot prompt",
    difficulty="easy",
    minutes=8,
    statement="""
    A base model continues text. Write a prompt whose natural continuation is the answer: an
    instruction, some solved examples, and the open question.
    """,
    hints=(
        "Collect the blocks in a list and join them at the end.",
        "The last block looks like an example without its answer.",
        r'Join with "\n\n". An empty instruction is no block at all.',
    ),
)


@exercise.solution
def few_shot_prompt(
    question: str,
    examples: list[tuple[str, str]],
    instruction: str,
) -> str:
    r"""Write a few-shot prompt for a base model.

    An example is written as "Question: ...\nAnswer: ...". The question to be
    answered comes last and ends in "Answer:", with nothing behind it. The
    instruction, if there is one, the examples and the question are separated by
    one blank line each.

    Args:
        question: What to ask.
        examples: Pairs of question and answer, in the order in which they are
        shown. May be empty.
        instruction: What to do; "" for none.

    Returns:
        The prompt.
    """
    blocks = [instruction] if instruction else []
    blocks += [f"Question: {asked}\nAnswer: {answered}" for asked, answered in examples]
    blocks.append(f"Question: {question}\nAnswer:")
    return "\n\n".join(blocks)


@exercise.cases
def _few_shot_cases(rng: Random) -> Cases:
    a, b, c, d = rng.sample(range(2, 60), 4)
    pairs = [(f"{a} + {b}", str(a + b)), (f"{b} + {c}", str(b + c))]
    ask = f"{c} + {d}"
    yield Case("two examples", (ask, pairs, "Add."), "What should the model's first token be?")
    yield Case("no instruction", (ask, pairs[:1], ""), "With which word does the prompt begin?")
    yield Case("no example", (ask, [], "Give a number."), "What is left of the prompt?")
    yield Case("the question alone", (ask, [], ""), "How many blank lines are needed?")


@exercise.mistake(
    'The prompt ends in a space. Most tokenizers put the space into the token of the next word (" '
    'Paris"), so the model would have to continue from a place it seldom saw.'
)
def _trailing_space(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return few_shot_prompt(question, examples, instruction) + " "


@exercise.mistake(
    "A line break follows the last label. In the examples the answer stands on the same line, so "
    "the model would have to leave the pattern."
)
def _trailing_newline(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return few_shot_prompt(question, examples, instruction) + "\n"


@exercise.mistake(
    "The blocks are not separated by blank lines. The blank line shows where an example ends, and "
    "gives you a place to stop generation."
)
def _single_newlines(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return few_shot_prompt(question, examples, instruction).replace("\n\n", "\n")


@exercise.mistake("Without an instruction the prompt begins with blank lines. Leave the block out.")
def _blank_instruction(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return f"{instruction}\n\n" + few_shot_prompt(question, examples, "")


@exercise.mistake(
    "The open question comes before the examples, so the prompt ends with somebody else's answer. "
    "What is to be continued has to stand last."
)
def _question_first(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    shown = [f"Question: {asked}\nAnswer: {answered}" for asked, answered in examples]
    head = [instruction] if instruction else []
    return "\n\n".join([*head, f"Question: {question}\nAnswer:", *shown])


exercise = page.exercise(
    title="How sure is 18 of 20?",
    difficulty="easy",
    minutes=10,
    statement=r"""
    An accuracy $p$ on $n$ questions is an estimate. The Wilson interval says which true accuracies
    are compatible with it:

    $$\frac{p + \frac{z^2}{2n} \pm z \sqrt{\frac{p(1-p)}{n} + \frac{z^2}{4n^2}}}{1 +
    \frac{z^2}{n}}$$
    """,
    hints=(
        "Compute the denominator once; it divides everything above it.",
        "The center is not p: it is pulled towards one half. With few questions by a lot.",
        "center = (p + z*z / (2*n)) / d, half = z * sqrt(p*(1-p)/n + z*z / (4*n*n)) / d, with d = "
        "1 + z*z/n.",
    ),
)


@exercise.solution
def wilson_interval(right: int, total: int, z: float) -> tuple[float, float]:
    """Return the Wilson score interval of an accuracy.

    Args:
        right: Number of right answers.
        total: Number of questions.
        z: Quantile of the normal distribution; 1.96 for 95 %.

    Returns:
        Lower and upper end, as shares from 0 to 1.

    Raises:
        ValueError: If there are no questions.
    """
    if total < 1:
        raise ValueError(f"total must be at least 1, got {total}")
    p, stretch = right / total, 1 + z * z / total
    center = (p + z * z / (2 * total)) / stretch
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / stretch
    return center - half, center + half


@exercise.cases
def _interval_cases(rng: Random) -> Cases:
    few = rng.randint(16, 40)
    wrong = rng.randint(1, 3)
    case = (few - wrong, few, 1.96)
    yield Case(f"{few - wrong} of {few}", case, "Is the interval symmetric around the share?")
    total = rng.randint(41, 90)
    right = rng.randint(10, total - 10)
    yield Case(f"{right} of {total}", (right, total, 1.645), "Which z goes with 90 %?")
    few, many = rng.randint(8, 20), rng.randint(8, 20)
    yield Case("none right", (0, few, 1.96), f"{few} failures: is an accuracy of 5 % excluded?")
    yield Case("all right", (many, many, 1.96), "Can an accuracy be above 1?")
    single = (rng.randint(0, 1), 1, rng.randint(100, 260) / 100)
    yield Case("one question", single, "Is one question none? How wide is its interval?")
    yield Case("no questions", (0, 0, 1.96), "What is the accuracy of nothing?", refused=True)


@exercise.mistake(
    "That is the simple normal interval. It fails near 0 and 1: for 10 of 10 it has no width, as "
    "if ten questions proved perfection."
)
def _wald(right: int, total: int, z: float) -> tuple[float, float]:
    if total < 1:
        raise ValueError("no questions")
    p = right / total
    half = z * math.sqrt(p * (1 - p) / total)
    return p - half, p + half


@exercise.mistake(
    "The width is right, but the interval is centered on p, so it reaches beyond 0 or 1. The "
    "center has a term z^2 / (2n) and is divided too."
)
def _around_the_share(right: int, total: int, z: float) -> tuple[float, float]:
    low, high = wilson_interval(right, total, z)
    return right / total - (high - low) / 2, right / total + (high - low) / 2


@exercise.mistake(
    "Only the center is divided by 1 + z^2 / n. The half width stands above the same fraction line."
)
def _half_not_scaled(right: int, total: int, z: float) -> tuple[float, float]:
    low, high = wilson_interval(right, total, z)
    center, half = (low + high) / 2, (high - low) / 2 * (1 + z * z / total)
    return center - half, center + half


@exercise.mistake("These are percents. Shares from 0 to 1 were asked for.")
def _in_percent(right: int, total: int, z: float) -> tuple[float, float]:
    low, high = wilson_interval(right, total, z)
    return 100 * low, 100 * high


@exercise.mistake(
    "A single question is refused. It says little, and the interval says so: it is wide. Only "
    "where there is none at all is there no accuracy."
)
def _two_at_least(right: int, total: int, z: float) -> tuple[float, float]:
    if total == 1:
        raise ValueError("one question is not enough")
    return wilson_interval(right, total, z)
