"""Exercises on decoding: the greedy loop, n-grams that must not occur twice."""

import collections
import collections.abc
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- the greedy loop ------------------------------------------------------------------------------


def generate_greedily(
    next_logits: collections.abc.Callable[[list[int]], np.ndarray],
    prompt: list[int],
    max_new_tokens: int,
    stop_token: int,
) -> list[int]:
    """Continue a prompt by the most likely token, again and again.

    Args:
        next_logits: The model. Takes all tokens so far, returns one logit per token id, shape (V,).
        prompt: Token ids of the prompt. The list is left as it is.
        max_new_tokens: New tokens at most; the prompt does not count.
        stop_token: When the model chooses this token, the text is over.

    Returns:
        The new tokens only, without the stop token.
    """
    tokens = list(prompt)
    for _ in range(max_new_tokens):
        token = int(np.argmax(next_logits(tokens)))
        if token == stop_token:
            break
        tokens.append(token)
    return tokens[len(prompt) :]


def _run_greedy(answer: object, says: list[int], prompt: list[int], limit: int, stop: int) -> dict:
    """Run it with a fake model that says what it is told, as long as it gets all tokens so far."""
    import numpy as np

    known = {tuple(prompt + says[:i]): token for i, token in enumerate(says)}
    given = list(prompt)

    def next_logits(tokens: list[int]) -> object:
        logits = np.zeros(10)
        logits[known.get(tuple(tokens), 0)] = 1.0
        return logits

    return {"new tokens": answer(next_logits, given, limit, stop), "prompt afterwards": given}


def _with_stop_token(
    next_logits: Callable[..., Any], prompt: list[int], max_new_tokens: int, stop_token: int
) -> list[int]:
    new = generate_greedily(next_logits, prompt, max_new_tokens, stop_token)
    return new if len(new) == max_new_tokens else [*new, stop_token]


def _with_prompt(
    next_logits: Callable[..., Any], prompt: list[int], max_new_tokens: int, stop_token: int
) -> list[int]:
    return prompt + generate_greedily(next_logits, prompt, max_new_tokens, stop_token)


def _nothing_fed_back(
    next_logits: Callable[..., Any], prompt: list[int], max_new_tokens: int, stop_token: int
) -> list[int]:
    token = int(np.argmax(next_logits(list(prompt))))
    return [] if token == stop_token else [token] * max_new_tokens


def _prompt_counts(
    next_logits: Callable[..., Any], prompt: list[int], max_new_tokens: int, stop_token: int
) -> list[int]:
    room = max(0, max_new_tokens - len(prompt))
    return generate_greedily(next_logits, prompt, room, stop_token)


def _prompt_changed(
    next_logits: Callable[..., Any], prompt: list[int], max_new_tokens: int, stop_token: int
) -> list[int]:
    new = generate_greedily(next_logits, prompt, max_new_tokens, stop_token)
    prompt += new
    return new


def _greedy_cases(rng: random.Random) -> Iterator[Case]:
    a, b, c = rng.sample(range(1, 8), 3)
    yield Case("the limit comes first", ([a, b, c, 9], [5, 6], 3, 9), "Does the prompt count?")
    yield Case("the model stops", ([c, a, 9], [4], 5, 9), "Is the stop token part of the text?")
    yield Case("it stops at once", ([9], [b, c, b], 5, 9), "How many new tokens are there?")
    yield Case(
        "the stop token in the prompt",
        ([b, a, c, 9], [7, 9, 8], 4, 9),
        "An earlier text may have ended inside the prompt. Should that stop the new one?",
    )
    yield Case("no room", ([a, b], [5], 0, 9), "How often may the model be asked?")


GENERATE_GREEDILY = CodeExercise(
    id="greedy-generation",
    title="The loop that writes",
    section="gpt",
    page="gpt/next-token",
    difficulty="easy",
    minutes=12,
    statement=(
        "A language model only gives scores for one next token. Write the loop that makes a text "
        "of it: take the most likely token, append it, ask again, until the model says stop or "
        "the limit is reached.\n\nA fake model stands in for a real one. Each case shows what the "
        "fake wants to say, the prompt, `max_new_tokens` and the stop token. It says so only if "
        "it is given *all* tokens so far, and token 0 otherwise."
    ),
    hints=(
        "Work on a copy of the prompt, so that the caller's list stays as it is.",
        "At most `max_new_tokens` times: ask, take the argmax, leave the loop if it is the stop "
        "token, else append it.",
        "At the end, `tokens[len(prompt):]` are the new ones.",
    ),
    solution=generate_greedily,
    cases=_greedy_cases,
    run=_run_greedy,
    wrong=(
        Wrong(
            _with_stop_token,
            "The stop token is part of the result. It is a signal and no text: leave the loop "
            "before appending it.",
        ),
        Wrong(_with_prompt, "The prompt is returned too. Only the new tokens were asked for."),
        Wrong(
            _nothing_fed_back,
            "The model sees the same prompt each time, so it gives the same token each time. "
            "Append the new token before you ask again.",
        ),
        Wrong(
            _prompt_counts,
            "The prompt counts towards the limit, as in the old `max_length`. A long prompt then "
            "leaves no room for an answer. `max_new_tokens` counts new tokens only.",
        ),
        Wrong(
            _prompt_changed,
            "The new tokens are right, but the caller's prompt has grown: `tokens = prompt` is a "
            "second name for the same list. Copy it with `list(prompt)`.",
        ),
    ),
    uses=("collections", "numpy"),
)

# -- no repeated n-grams --------------------------------------------------------------------------


def banned_tokens(token_ids: list[int], n: int) -> set[int]:
    """Return the tokens that would complete an n-gram which already occurred.

    The next token completes an n-gram with the last n - 1 tokens. If these stood in the text
    before, whatever followed them there is banned.

    Args:
        token_ids: The text so far.
        n: Length of an n-gram in tokens, at least 1. With n = 1 no token may occur twice.

    Returns:
        The banned token ids.
    """
    suffix = token_ids[len(token_ids) - n + 1 :]
    banned = set()
    for start in range(len(token_ids) - n + 1):
        if token_ids[start : start + n - 1] == suffix:
            banned.add(token_ids[start + n - 1])
    return banned


def _negative_index(token_ids: list[int], n: int) -> set[int]:
    return banned_tokens(token_ids, n) if n > 1 else set()


def _last_window_missed(token_ids: list[int], n: int) -> set[int]:
    suffix = token_ids[len(token_ids) - n + 1 :]
    starts = range(len(token_ids) - n)
    return {token_ids[i + n - 1] for i in starts if token_ids[i : i + n - 1] == suffix}


def _one_token_longer(token_ids: list[int], n: int) -> set[int]:
    return banned_tokens(token_ids, n + 1)


def _only_the_first_match(token_ids: list[int], n: int) -> set[int]:
    suffix = token_ids[len(token_ids) - n + 1 :]
    starts = range(len(token_ids) - n + 1)
    found = [token_ids[i + n - 1] for i in starts if token_ids[i : i + n - 1] == suffix]
    return set(found[:1])


def _ngram_cases(rng: random.Random) -> Iterator[Case]:
    a, b, c, d = rng.sample(range(10, 100), 4)
    yield Case("a pair came up before", ([a, b, c, a], 2), "Which token followed the last one?")
    yield Case("two continuations", ([a, b, c, a, b, d, a, b], 3), "How often did the pair occur?")
    yield Case("the same token twice", ([c, d, d], 2), "Which pairs are in the text? Overlaps too.")
    yield Case("n is 1", ([a, b], 1), "What are the last 0 tokens? And what is `[1, 2][-0:]`?")
    yield Case("a short text", ([a, b], 4), "Can a text of two tokens hold an n-gram of four?")


BANNED_TOKENS = CodeExercise(
    id="no-repeat-ngram",
    title="Ban repeated n-grams",
    section="gpt",
    page="gpt/sampling",
    difficulty="medium",
    minutes=15,
    statement=(
        "With `no_repeat_ngram_size=3`, no three tokens in a row may occur twice. Given the text "
        "so far, which tokens must not come next? Return their ids as a set."
    ),
    hints=(
        "Take the last n - 1 tokens. Go through all n-grams of the text that begin with them.",
        "A text of T tokens has T - n + 1 n-grams. The last one ends with the last token.",
        "`token_ids[-(n - 1):]` is the whole list for n = 1. "
        "`token_ids[len(token_ids) - n + 1:]` is empty, as it should be.",
    ),
    solution=banned_tokens,
    cases=_ngram_cases,
    wrong=(
        Wrong(
            _negative_index,
            "For n = 1 nothing is banned. The last 0 tokens are an empty list, but "
            "`token_ids[-0:]` is the whole text.",
        ),
        Wrong(
            _last_window_missed,
            "Off by one: the n-gram that ends with the last token is not looked at. There are "
            "len(token_ids) - n + 1 of them.",
        ),
        Wrong(
            _one_token_longer,
            "Off by one: the last n tokens are looked up. The next token is part of the n-gram, so "
            "only n - 1 come from the text.",
        ),
        Wrong(
            _only_the_first_match,
            "The search stops at the first match. If the same words had two continuations, both "
            "are banned.",
        ),
    ),
)

EXERCISES = (GENERATE_GREEDILY, BANNED_TOKENS)
