"""Exercises: a reward model in use: its accuracy on pairs, the best of n answers."""

import collections.abc
from random import Random
from typing import Any

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("reward-model", __name__)

exercise = page.exercise(
    title="Accuracy of a reward model",
    difficulty="easy",
    minutes=10,
    statement="""
    A reward model is measured on held-out pairs: in which share of them does the answer that people
    chose get the higher reward? Mind ties. A broken model that gives all answers the same reward
    must not look good.
    """,
    hints=(
        "Compare pair by pair. Only the order within a pair counts, not the size of a reward.",
        "A tie is neither left out nor right: it is in the denominator only.",
        "Check the lengths first and raise `ValueError`. Then `sum(chosen > rejected for ...)` "
        "over the number of pairs.",
    ),
)


@exercise.solution
def preference_accuracy(
    chosen_rewards: list[float],
    rejected_rewards: list[float],
) -> float:
    """Return how often a reward model prefers the answer that people chose.

    Args:
        chosen_rewards: Reward of the answer that people chose, one for each
            pair.
        rejected_rewards: Reward of the other answer to the same prompt, in the
            same order.

    Returns:
        Share of the pairs, 0 to 1, in which the chosen answer has the *higher*
        reward. A tie is no success, and the pair still counts.

    Raises:
        ValueError: If there are no pairs, or not as many of the one as of the
            other.
    """
    if not chosen_rewards or len(chosen_rewards) != len(rejected_rewards):
        raise ValueError("give one reward for each side of each pair, and at least one pair")
    pairs = zip(chosen_rewards, rejected_rewards, strict=True)
    return sum(chosen > rejected for chosen, rejected in pairs) / len(chosen_rewards)


@exercise.cases
def _accuracy_cases(rng: Random) -> Cases:
    k = rng.randint(2, 30) / 4
    three = [2.0 * k, -0.5 * k, -k], [k, -0.4 * k, -3.0 * k]
    yield Case("two of three", three, "Does the sign matter?")
    yield Case(
        "ties",
        ([k, k, 2.0 * k, 0.0, 3.0], [k, k, 0.5, 3.0, 0.0]),
        "What would a model score that gives every answer the same reward?",
    )
    count = rng.randint(4, 6)
    rewards = [[round(rng.gauss(-2, 1), 2) for _ in range(count)] for _ in range(2)]
    yield Case(f"{count} pairs", tuple(rewards), "Which pairs are right? Count them by hand.")
    short = ([k, 2.0], [0.0])
    yield Case("one reward is missing", short, "What does `zip` do with the rest?", refused=True)
    more = ([k], [0.0, 2.0])
    yield Case("one reward too many", more, "Which answer was it compared with?", refused=True)
    yield Case("no pairs", ([], []), "What is a share of nothing?", refused=True)


@exercise.mistake(
    "Ties count as right. A model that gives every answer the same reward would then score 100 %."
)
def _tie_is_right(chosen_rewards: list[float], rejected_rewards: list[float]) -> float:
    return 1 - preference_accuracy(rejected_rewards, chosen_rewards)


@exercise.mistake(
    "Ties were left out. The share is then of another, smaller set of pairs, and two models cannot "
    "be compared by it."
)
def _tie_left_out(chosen_rewards: list[float], rejected_rewards: list[float]) -> float:
    preference_accuracy(chosen_rewards, rejected_rewards)
    pairs = zip(chosen_rewards, rejected_rewards, strict=True)
    apart = [pair for pair in pairs if pair[0] != pair[1]]
    return sum(chosen > rejected for chosen, rejected in apart) / len(apart)


@exercise.mistake(
    "Ties count half, as a coin would do on average. That can be defended, but here a tie is no "
    "success: the model did not say which answer is better."
)
def _tie_is_half(chosen_rewards: list[float], rejected_rewards: list[float]) -> float:
    strict = preference_accuracy(chosen_rewards, rejected_rewards)
    return (strict + _tie_is_right(chosen_rewards, rejected_rewards)) / 2


@exercise.mistake(
    "Right for good input. But a reward that is missing goes unnoticed, and without pairs you "
    "divide by zero. Check the lengths first."
)
def _not_checked(chosen_rewards: list[float], rejected_rewards: list[float]) -> float:
    pairs = zip(chosen_rewards, rejected_rewards, strict=False)
    return sum(chosen > rejected for chosen, rejected in pairs) / len(chosen_rewards)


@exercise.mistake(
    "You notice where a rejected answer has no reward, and not where a chosen one has none. "
    "Compare the two lengths with each other."
)
def _one_side_checked(chosen_rewards: list[float], rejected_rewards: list[float]) -> float:
    return preference_accuracy(chosen_rewards, rejected_rewards[: len(chosen_rewards)])


@exercise.mistake(
    "The chosen rewards were compared with 0. A reward alone has no meaning; compare it with that "
    "of the other answer to the same prompt."
)
def _above_zero(chosen_rewards: list[float], rejected_rewards: list[float]) -> float:
    preference_accuracy(chosen_rewards, rejected_rewards)
    return sum(reward > 0 for reward in chosen_rewards) / len(chosen_rewards)


exercise = page.exercise(
    title="The best of n",
    difficulty="easy",
    minutes=10,
    statement="""
    The simplest way to use a reward model needs no training: draw several answers and keep the one
    that it likes most. Write it for any `generate` and any `reward`.
    """,
    hints=(
        "First draw, then score. The answer that you return must be one that you scored.",
        "`generate` gives another answer at each call, so keep the answers in a list.",
        "`max(answers, key=...)` returns the item with the largest key, and the first of equals.",
    ),
)


@exercise.solution
def best_of_n(
    generate: collections.abc.Callable[[str], str],
    reward: collections.abc.Callable[[str, str], float],
    prompt: str,
    n: int,
) -> str:
    """Draw n answers to a prompt and return the one with the highest reward.

    Args:
        generate: ``generate(prompt)`` draws an answer. Each call may give
            another one.
        reward: ``reward(prompt, answer)`` scores it; higher is better.
        prompt: The prompt.
        n: How many answers to draw, from 1.

    Returns:
        The best answer; with equal rewards, the one that was drawn first.
    """
    answers = [generate(prompt) for _ in range(n)]
    return max(answers, key=lambda answer: reward(prompt, answer))


@exercise.run
def _run_best_of_n(answer: object, prompt: str, drawn: list[str], rewards: dict, n: int) -> dict:
    calls = []

    def generate(prompt: str) -> str:
        calls.append(prompt)
        return drawn[(len(calls) - 1) % len(drawn)]

    def reward(prompt: str, text: str) -> float:
        return rewards[text]

    return {"best": answer(generate, reward, prompt, n), "answers drawn": len(calls)}


@exercise.cases
def _best_of_n_cases(rng: Random) -> Cases:
    k = rng.randint(2, 30) / 4
    known = {"Rome.": 0.5 * k, "Gladly. Rome.": 1.5 * k, "Banana.": -2.0, "I do not know.": -3.0}
    asked = f"What is the capital of Italy? ({rng.randint(1, 999)})"
    some = ["Banana.", "Gladly. Rome.", "Rome.", "I do not know."]
    yield Case("four answers", (asked, some, known, 4), "Which one has the highest reward?")
    yield Case("one answer", (asked, ["Banana."], known, 1), "What is there to choose from?")
    equal = {"Rome.": k, "It is Rome.": k, "Banana.": -2.0}
    yield Case(
        "a tie",
        (asked, ["Banana.", "It is Rome.", "Rome."], equal, 3),
        "Two are best. Which of them was drawn first?",
    )
    values = rng.sample(range(-50, 50), 4)
    other = dict(zip(known, (value / 10 for value in values), strict=True))
    yield Case("other rewards", (asked, [*known, "Rome."], other, 5), "How often may you draw?")


@exercise.mistake(
    "Answers were drawn a second time after scoring. With a real model these are other answers "
    "than those that you scored."
)
def _drawn_again(generate: Any, reward: Any, prompt: str, n: int) -> str:
    scores = [reward(prompt, generate(prompt)) for _ in range(n)]
    return [generate(prompt) for _ in range(n)][scores.index(max(scores))]


@exercise.mistake("With equal rewards, the first one that was drawn should win.")
def _last_of_equals(generate: Any, reward: Any, prompt: str, n: int) -> str:
    answers = [generate(prompt) for _ in range(n)]
    return max(reversed(answers), key=lambda answer: reward(prompt, answer))


@exercise.mistake("That is the answer with the lowest reward.")
def _worst(generate: Any, reward: Any, prompt: str, n: int) -> str:
    answers = [generate(prompt) for _ in range(n)]
    return min(answers, key=lambda answer: reward(prompt, answer))


@exercise.mistake("Only one answer was drawn, so there was no choice.")
def _one_drawn(generate: Any, reward: Any, prompt: str, n: int) -> str:
    return best_of_n(generate, reward, prompt, 1)


@exercise.mistake("That is the highest reward. Return the answer that has it.")
def _reward_returned(generate: Any, reward: Any, prompt: str, n: int) -> float:
    return max(reward(prompt, generate(prompt)) for _ in range(n))


exercise = page.exercise(
    title="Which answer is better?",
    difficulty="easy",
    minutes=5,
    statement="""
    You label preference data. The prompt is 'How do I get a reversed copy of a list in Python?' One
    answer uses `numbers[::-1]`, the other `numbers.reverse()`. A labeler who does not know the
    difference teaches the reward model a mistake. What does this print?
    """,
    hints=(
        "One of the two makes a new list. What does the other do?",
        "A method that changes its object in place returns nothing, and nothing is `None`.",
        "By the time of the last line, `numbers` itself has been reversed.",
    ),
)


@exercise.output(
    why=(
        "`numbers[::-1]` is a reversed copy. `numbers.reverse()` reverses the list in place and "
        "returns None. So the first answer is the right one for this prompt, and the second would "
        "be right for another."
    ),
    mistakes={
        "[3, 2, 1]\n[3, 2, 1]\n[1, 2, 3]": (
            "`reverse` makes no copy. It changes `numbers` itself, and returns something else."
        ),
        "[3, 2, 1]\n[3, 2, 1]\n[3, 2, 1]": (
            "`numbers` is reversed in place, that is right. But the method does not return it."
        ),
        "[3, 2, 1]\nNone\n[1, 2, 3]": (
            "`reverse` returns None, that is right. It still did its work on `numbers`."
        ),
        "[1, 2, 3]\nNone\n[3, 2, 1]": (
            "The slice makes a copy that is reversed; it is the first line that differs."
        ),
    },
)
def _reverse_a_list() -> None:
    numbers = [1, 2, 3]
    first = numbers[::-1]
    second = numbers.reverse()
    print(first)
    print(second)
    print(numbers)
