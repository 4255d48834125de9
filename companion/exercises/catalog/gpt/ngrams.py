"""An exercise: n-grams that must not occur twice."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("sampling", __name__)

exercise = page.exercise(
    id="no-repeat-ngram",
    title="Ban repeated n-grams",
    difficulty="medium",
    minutes=15,
    statement="""
    With `no_repeat_ngram_size=3`, no three tokens in a row may occur twice. Given the text so far,
    which tokens must not come next? Return their ids as a set.
    """,
    hints=(
        "Take the last n - 1 tokens. Go through all n-grams of the text that begin with them.",
        "A text of T tokens has T - n + 1 n-grams. The last one ends with the last token.",
        "`token_ids[-(n - 1):]` is the whole list for n = 1. `token_ids[len(token_ids) - n + 1:]` "
        "is empty, as it should be.",
    ),
)


@exercise.solution
def banned_tokens(token_ids: list[int], n: int) -> set[int]:
    """Return the tokens that would complete an n-gram which already occurred.

    The next token completes an n-gram with the last n - 1 tokens. If these
    stood in the text before, whatever followed them there is banned.

    Args:
        token_ids: The text so far.
        n: Length of an n-gram in tokens, at least 1. With n = 1 no token may
            occur twice.

    Returns:
        The banned token ids.
    """
    suffix = token_ids[len(token_ids) - n + 1 :]
    banned = set()
    for start in range(len(token_ids) - n + 1):
        if token_ids[start : start + n - 1] == suffix:
            banned.add(token_ids[start + n - 1])
    return banned


@exercise.cases
def _ngram_cases(rng: Random) -> Cases:
    a, b, c, d = rng.sample(range(10, 100), 4)
    yield Case("a pair came up before", ([a, b, c, a], 2), "Which token followed the last one?")
    yield Case("two continuations", ([a, b, c, a, b, d, a, b], 3), "How often did the pair occur?")
    yield Case("the same token twice", ([c, d, d], 2), "Which pairs are in the text? Overlaps too.")
    yield Case("n is 1", ([a, b], 1), "What are the last 0 tokens? And what is `[1, 2][-0:]`?")
    yield Case("a short text", ([a, b], 4), "Can a text of two tokens hold an n-gram of four?")


@exercise.mistake(
    "For n = 1 nothing is banned. The last 0 tokens are an empty list, but `token_ids[-0:]` is the "
    "whole text."
)
def _negative_index(token_ids: list[int], n: int) -> set[int]:
    return banned_tokens(token_ids, n) if n > 1 else set()


@exercise.mistake(
    "Off by one: the n-gram that ends with the last token is not looked at. There are "
    "len(token_ids) - n + 1 of them."
)
def _last_window_missed(token_ids: list[int], n: int) -> set[int]:
    suffix = token_ids[len(token_ids) - n + 1 :]
    starts = range(len(token_ids) - n)
    return {token_ids[i + n - 1] for i in starts if token_ids[i : i + n - 1] == suffix}


@exercise.mistake(
    "Off by one: the last n tokens are looked up. The next token is part of the n-gram, so only n "
    "- 1 come from the text."
)
def _one_token_longer(token_ids: list[int], n: int) -> set[int]:
    return banned_tokens(token_ids, n + 1)


@exercise.mistake(
    "The search stops at the first match. If the same words had two continuations, both are banned."
)
def _only_the_first_match(token_ids: list[int], n: int) -> set[int]:
    suffix = token_ids[len(token_ids) - n + 1 :]
    starts = range(len(token_ids) - n + 1)
    followers = [token_ids[i + n - 1] for i in starts if token_ids[i : i + n - 1] == suffix]
    return set(followers[:1])
