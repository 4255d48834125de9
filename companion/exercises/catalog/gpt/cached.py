"""Exercises: writing with a cache, and checking the draft of a small model."""

import collections.abc
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from companion.exercises.catalog._draws import numbers
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("kv-cache", __name__)
Model = Callable[..., Any]

exercise = page.exercise(
    title="Write with a cache",
    difficulty="medium",
    minutes=15,
    statement="""
    With a cache, a model reads each token once: first the prompt, then one new token per step.
    Write greedy decoding with it.

    A fake model stands in for a real one. Its cache is the list of all tokens that it has read, and
    it says what it should only if that list is the text so far. Each case shows what it wants to
    say, the prompt and `max_new_tokens`. How many positions it had to read is compared, too.
    """,
    hints=(
        "What does the model read in the first step, and what in the second?",
        "Keep two variables, `new` for the tokens to be read next and `cache` for what the last "
        "call returned.",
        "The last row of the logits belongs to the newest token. Once you have enough tokens, "
        "there is nothing to ask any more: p + m - 1 positions in all.",
    ),
)


@exercise.solution
def write_with_cache(
    model: collections.abc.Callable[..., tuple],
    prompt: list[int],
    max_new_tokens: int,
) -> list[int]:
    """Continue a prompt greedily and let the model read each token once.

    Args:
        model: Called as `model(tokens, cache)`, with tokens that the cache does
            not hold and the cache of an earlier call, or None. Returns the
            logits of these tokens, shape (number of tokens, V), and the longer
            cache.
        prompt: Token ids, at least one.
        max_new_tokens: So many tokens are written; this model never stops by
            itself.

    Returns:
        The new tokens.
    """
    written, new, cache = [], prompt, None
    while len(written) < max_new_tokens:
        logits, cache = model(new, cache)
        new = [int(np.argmax(logits[-1]))]
        written += new
    return written


@exercise.run
def _run_cached(answer: object, says: list[int], prompt: list[int], limit: int) -> dict:
    """Run it with a fake model that says what it is told, as long as its cache is the text."""
    import numpy as np

    known = {tuple(prompt + says[:i]): token for i, token in enumerate(says)}
    read = []

    def model(tokens: list[int], cache: list[int] | None = None) -> tuple:
        seen, rows = list(cache or []), []
        for token in tokens:
            seen.append(token)
            rows.append(np.eye(10)[known.get(tuple(seen), 0)])
        read.append(len(tokens))
        return np.array(rows), seen

    return {"new tokens": answer(model, list(prompt), limit), "positions read": sum(read)}


@exercise.cases
def _cached_cases(rng: Random) -> Cases:
    a, b, c, d = rng.sample(range(1, 10), 4)
    yield Case("one token", ([a], [b, c], 1), "How often is the model asked?")
    yield Case("two tokens", ([a, b], [c, d, c], 2), "What does it read in the second step?")
    yield Case("four tokens", ([c, d, a, b], [d], 4), "Which call gives the cache for the last?")
    yield Case("none", ([a], [b], 0), "Is there anything to ask?")


@exercise.mistake(
    "The cache is returned and not handed on. Without it, the model sees the newest token alone "
    "and knows nothing of the text."
)
def _cache_dropped(model: Model, prompt: list[int], limit: int) -> list[int]:
    return write_with_cache(lambda tokens, cache: model(tokens, None), prompt, limit)


@exercise.mistake(
    "The whole text is read again in each step. That gives the right tokens, and it is the work "
    "that the cache was made to save."
)
def _all_again(model: Model, prompt: list[int], limit: int) -> list[int]:
    text = list(prompt)
    for _ in range(limit):
        text.append(int(np.argmax(model(text, None)[0][-1])))
    return text[len(prompt) :]


@exercise.mistake(
    "The whole text goes in beside a cache that holds it already, so the model sees it twice. With "
    "a cache, only the new token goes in."
)
def _twice(model: Model, prompt: list[int], limit: int) -> list[int]:
    text, cache = list(prompt), None
    for _ in range(limit):
        logits, cache = model(text, cache)
        text.append(int(np.argmax(logits[-1])))
    return text[len(prompt) :]


@exercise.mistake(
    "The logits of the first position were used. What may follow the text stands in the last row."
)
def _first_row(model: Model, prompt: list[int], limit: int) -> list[int]:
    def turned(tokens: list[int], cache: object) -> tuple:
        logits, cache = model(tokens, cache)
        return logits[:1], cache

    return write_with_cache(turned, prompt, limit)


@exercise.mistake(
    "The last new token was read by the model, too, though nothing comes after it. That is one "
    "pass too many, p + m in place of p + m - 1."
)
def _one_pass_more(model: Model, prompt: list[int], limit: int) -> list[int]:
    return write_with_cache(model, prompt, limit + 1)[:limit]


exercise = page.exercise(
    title="Accept a drafted token",
    difficulty="medium",
    minutes=20,
    statement=r"""
    In speculative decoding a small model drafts a token $x$ from its distribution $q$, and the
    large one, with $p$, checks it. It is accepted with probability $\min(1, p_x / q_x)$. If not,
    another token is drawn, from what $p$ has more than $q$: $\max(0, p - q)$, scaled to sum 1.
    Then the result follows $p$ exactly. Write the check.
    """,
    hints=(
        "`accept < p / q` of the drafted token is the first question; a ratio above 1 is always "
        "accepted.",
        "What is left is `np.maximum(target - draft, 0)`. Divide it by its sum.",
        "Draw as in *Draw a token with one uniform number*: how many ends of the cumulative sum "
        "are at most `redraw`?",
    ),
)


@exercise.solution
def check_draft(
    target: np.ndarray,
    draft: np.ndarray,
    token: int,
    accept: float,
    redraw: float,
) -> tuple[int, bool]:
    """Accept a token of a small model, or draw another one in its place.

    Args:
        target: Probabilities of the large model, p, shape (V,).
        draft: Probabilities of the small model, q, shape (V,).
        token: What the small model drew; its probability in q is above 0.
        accept: Uniform number in [0, 1). Accepted if it is below p / q of the
            token.
        redraw: Uniform number in [0, 1) for another token: the first whose
            cumulative probability is above it.

    Returns:
        The token, and whether it is the drafted one.
    """
    if accept < target[token] / draft[token]:
        return token, True
    left = np.maximum(target - draft, 0.0)
    ends = (left / left.sum()).cumsum()
    return int((ends <= redraw).sum()), False


@exercise.cases
def _draft_cases(rng: Random) -> Cases:
    target, draft = np.array([0.1, 0.6, 0.25, 0.05]), np.array([0.4, 0.2, 0.1, 0.3])
    order = rng.sample(range(4), 4)
    p, q = target[order], draft[order]
    likelier, rarer = order.index(1), order.index(0)
    high, low = rng.randint(70, 95) / 100, rng.randint(12, 23) / 100
    redraw = round(float(p[:rarer].sum()) + rng.randint(2, 8) / 100, 2)  # p would draw `rarer`
    yield Case(
        "the large one likes it more",
        (p, q, likelier, high, redraw),
        "Can `accept` be above p / q here?",
    )
    yield Case("lucky", (p, q, rarer, low, redraw), "0.1 / 0.4 is 0.25. Is it accepted?")
    yield Case("refused", (p, q, rarer, high, redraw), "Which tokens have p above q?")
    yield Case("refused, a late redraw", (p, q, rarer, high, 0.97), "Do the rest sum to 1?")
    even = numbers(rng, 0.6, 0.9, 1)[0]
    two = np.array([even, 1 - even])
    yield Case("two that agree", (two, two, 1, 0.99, redraw), "Can a model refuse itself?")
    halves = np.array([0.25, 0.375, 0.25, 0.125])[order], np.array([0.5, 0.25, 0.125, 0.125])[order]
    yield Case("just not lucky", (*halves, rarer, 0.5, 0.2), "Is 0.5 below 0.25 / 0.5?")
    yield Case("on a border", (*halves, rarer, high, 0.5), "Whose cumulative share is above 0.5?")


def _decide(p: np.ndarray, q: np.ndarray, token: int, taken: bool, redraw: float) -> tuple:
    """Take the token, or draw another one from what p has more than q."""
    rest = np.maximum(p - q, 0.0)
    ends = (rest / max(rest.sum(), 1e-9)).cumsum()
    return (token, True) if taken else (int((ends <= redraw).sum()), False)


@exercise.mistake(
    "The ratio is upside down. A token that the large model finds likelier than the small one is "
    "always accepted: p / q."
)
def _upside_down(p: np.ndarray, q: np.ndarray, token: int, accept: float, redraw: float) -> tuple:
    return _decide(p, q, token, accept < q[token] / p[token], redraw)


@exercise.mistake(
    "The other token was drawn from p itself. Accepted tokens follow p in part already, so what q "
    "likes would come too often. Draw from what is missing, max(0, p - q)."
)
def _from_target(p: np.ndarray, q: np.ndarray, token: int, accept: float, redraw: float) -> tuple:
    accepted = accept < p[token] / q[token]
    return (token, True) if accepted else (int((p.cumsum() <= redraw).sum()), False)


@exercise.mistake(
    "What is left was not scaled to sum 1. A late redraw then falls behind the last token."
)
def _not_scaled(p: np.ndarray, q: np.ndarray, token: int, accept: float, redraw: float) -> tuple:
    accepted, ends = accept < p[token] / q[token], np.maximum(p - q, 0.0).cumsum()
    return (token, True) if accepted else (int((ends <= redraw).sum()), False)


@exercise.mistake(
    "The number was compared with p of the token. The draft was drawn with probability q, so the "
    "share to keep is p / q; else p would count twice."
)
def _by_target(p: np.ndarray, q: np.ndarray, token: int, accept: float, redraw: float) -> tuple:
    return _decide(p, q, token, accept < p[token], redraw)


@exercise.mistake(
    "You accept only what the large model likes at least as much, and refuse all others. Those are "
    "accepted sometimes, with probability p / q."
)
def _never_lucky(p: np.ndarray, q: np.ndarray, token: int, accept: float, redraw: float) -> tuple:
    return _decide(p, q, token, p[token] >= q[token], redraw)


@exercise.mistake(
    "A number that equals p / q is accepted. It has to be below: numbers start at 0, and with `<=` "
    "a token that the large model never says could get through."
)
def _accepted_on_the_border(
    p: np.ndarray, q: np.ndarray, token: int, accept: float, redraw: float
) -> tuple:
    return _decide(p, q, token, accept <= p[token] / q[token], redraw)


@exercise.mistake(
    "Where the second number equals a cumulative probability, you draw the token that ends there. "
    "It is the first one *above* the number; else 0 draws a token of probability 0."
)
def _redrawn_on_the_border(
    p: np.ndarray, q: np.ndarray, token: int, accept: float, redraw: float
) -> tuple:
    return check_draft(p, q, token, accept, float(np.nextafter(redraw, 0.0)))
