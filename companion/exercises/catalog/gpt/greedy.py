"""An exercise: the loop that writes."""

import collections.abc
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("next-token", __name__)
Model = Callable[..., Any]

exercise = page.exercise(
    id="greedy-generation",
    title="The loop that writes",
    difficulty="easy",
    minutes=12,
    statement="""
    A language model only gives scores for one next token. Write the loop that makes a text of it:
    take the most likely token, append it, ask again, until the model says stop or the limit is
    reached.

    A fake model stands in for a real one. Each case shows what the fake wants to say, the prompt,
    `max_new_tokens` and the stop token. It says so only if it is given *all* tokens so far, and
    token 0 otherwise.
    """,
    hints=(
        "Work on a copy of the prompt, so that the caller's list stays as it is.",
        "At most `max_new_tokens` times: ask, take the argmax, leave the loop if it is the stop "
        "token, else append it.",
        "At the end, `tokens[len(prompt):]` are the new ones.",
    ),
)


@exercise.solution
def generate_greedily(
    next_logits: collections.abc.Callable[[list[int]], np.ndarray],
    prompt: list[int],
    max_new_tokens: int,
    stop_token: int,
) -> list[int]:
    """Continue a prompt by the most likely token, again and again.

    Args:
        next_logits: The model. Takes all tokens so far, returns one logit per
            token id, shape (V,).
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


@exercise.run
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


@exercise.cases
def _greedy_cases(rng: Random) -> Cases:
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


@exercise.mistake(
    "The stop token is part of the result. It is a signal and no text: leave the loop before "
    "appending it."
)
def _with_stop(model: Model, prompt: list[int], limit: int, stop: int) -> list[int]:
    new = generate_greedily(model, prompt, limit, stop)
    return new if len(new) == limit else [*new, stop]


@exercise.mistake("The prompt is returned too. Only the new tokens were asked for.")
def _with_prompt(model: Model, prompt: list[int], limit: int, stop: int) -> list[int]:
    return prompt + generate_greedily(model, prompt, limit, stop)


@exercise.mistake(
    "The model sees the same prompt each time, so it gives the same token each time. Append the "
    "new token before you ask again."
)
def _nothing_fed_back(model: Model, prompt: list[int], limit: int, stop: int) -> list[int]:
    token = int(np.argmax(model(list(prompt))))
    return [] if token == stop else [token] * limit


@exercise.mistake(
    "The prompt counts towards the limit, as in the old `max_length`. A long prompt then leaves no "
    "room for an answer. `max_new_tokens` counts new tokens only."
)
def _prompt_counts(model: Model, prompt: list[int], limit: int, stop: int) -> list[int]:
    room = max(0, limit - len(prompt))
    return generate_greedily(model, prompt, room, stop)


@exercise.mistake(
    "The new tokens are right, but the caller's prompt has grown: `tokens = prompt` is a second "
    "name for the same list. Copy it with `list(prompt)`."
)
def _prompt_changed(model: Model, prompt: list[int], limit: int, stop: int) -> list[int]:
    new = generate_greedily(model, prompt, limit, stop)
    prompt += new
    return new
