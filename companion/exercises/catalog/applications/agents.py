"""Exercises: the success of whole tasks, and agents that go in circles."""

import json
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("agents", __name__)

exercise = page.exercise(
    title="The success of a whole task",
    difficulty="easy",
    minutes=10,
    tolerance=1e-9,
    statement="""
    A task has n steps, and all of them have to succeed. A step succeeds with probability p. If it
    fails, and the failure is noticed, it may be tried again, up to `retries` times, each time with
    the same p. How likely is the whole task to succeed? Take all tries to be independent.
    """,
    hints=(
        "First one step: what has to happen for it to fail for good?",
        "A step has `retries + 1` tries, and is lost if all of them fail.",
        "`(1 - (1 - p) ** (retries + 1)) ** n`",
    ),
)


@exercise.solution
def task_success(p: float, n: int, retries: int) -> float:
    """Compute how likely a task of several steps is to succeed.

    Args:
        p: Chance that one try of one step succeeds, 0 to 1.
        n: Number of steps, from 1.
        retries: Further tries that each step has, from 0.

    Returns:
        The chance that every step succeeds in one of its tries.
    """
    return (1 - (1 - p) ** (retries + 1)) ** n


@exercise.cases
def _success_cases(rng: Random) -> Cases:
    p = round(rng.uniform(0.6, 0.95), 2)
    yield Case("one step, one try", (p, 1, 0), "With one step and one try it is p.")
    yield Case("several steps", (p, rng.randint(3, 9), 0), "All steps have to succeed.")
    yield Case("one step, retries", (p, 1, 2), "It fails only if all three tries fail.")
    yield Case("steps and retries", (p, rng.randint(3, 9), 1), "Each step has tries of its own.")
    yield Case("never fails", (1.0, 20, 0), "A step that never fails costs nothing.")
    yield Case("never succeeds", (0.0, 3, 5), "No retry helps where p is 0.")


@exercise.mistake("The retries are left out: a step that failed once is not lost yet.")
def _no_retries(p: float, n: int, _retries: int) -> float:
    return p**n


@exercise.mistake("That is the chance that at least one step succeeds. All of them have to.")
def _any_step(p: float, n: int, retries: int) -> float:
    return 1 - (1 - p) ** (n * (retries + 1))


@exercise.mistake("Retries make success likelier. Here each of them is one more thing to go wrong.")
def _retries_as_steps(p: float, n: int, retries: int) -> float:
    return p ** (n + retries)


@exercise.mistake(
    "That gives the whole task its tries again, from the first step on. Asked are tries of a step."
)
def _whole_again(p: float, n: int, retries: int) -> float:
    return 1 - (1 - p**n) ** (retries + 1)


@exercise.mistake("A step with `retries` retries has one try more than that.")
def _one_less(p: float, n: int, retries: int) -> float:
    return (1 - (1 - p) ** max(1, retries)) ** n


exercise = page.exercise(
    title="Is the agent going in circles?",
    difficulty="medium",
    minutes=15,
    statement="""
    An agent that makes the same call again learns nothing new. Find the first call that was made
    `limit` times before, with the same tool and the same arguments. The order in which arguments
    are written does not matter. Their values do, and so does their type: `"5"` is not 5.
    """,
    hints=(
        "Keep a count for each call that was seen. What can be the key, if arguments are a dict?",
        "A dict is no key. `json.dumps(arguments, sort_keys=True)` is a text, in one order.",
        "Look at the count *before* you raise it: at `limit` you are done.",
    ),
)


@exercise.solution
def repeated_at(calls: list[dict], limit: int) -> int:
    """Find where an agent begins to go in circles.

    Args:
        calls: Calls in their order, each {"name": ..., "arguments": {...}}.
        limit: How often the same call may be made, from 1.

    Returns:
        Place of the first call that is one too many, counted from 0; -1 if
        there is none.
    """
    seen: dict[str, int] = {}
    for place, call in enumerate(calls):
        key = json.dumps([call["name"], call["arguments"]], sort_keys=True)
        if seen.get(key, 0) == limit:
            return place
        seen[key] = seen.get(key, 0) + 1
    return -1


def _search(query: str) -> dict:
    return {"name": "search", "arguments": {"query": query}}


@exercise.cases
def _loop_cases(rng: Random) -> Cases:
    a, b, c = some_words(rng, 3)
    yield Case("twice in a row", ([_search(a), _search(a)], 1), "The second one is too many.")
    back = [_search(a), _search(b), _search(a), _search(c)]
    yield Case("with one between", (back, 1), "A circle can have more than one call in it.")
    yield Case("no circle", ([_search(a), _search(b), _search(c)], 1), "All three differ.")
    yield Case("two are allowed", ([_search(a)] * 4, 2), "The third one is the first too many.")
    turned = [
        {"name": "send", "arguments": {"to": a, "text": b}},
        {"name": "send", "arguments": {"text": b, "to": a}},
    ]
    yield Case("another order", (turned, 1), "These two do the same.")
    other = [{"name": name, "arguments": {"query": a}} for name in ("search", "find")]
    yield Case("another tool", (other, 1), "Same arguments, another tool: not the same call.")
    typed = [{"name": "wait", "arguments": {"minutes": value}} for value in ("5", 5)]
    yield Case("another type", (typed, 1), "A text and a number are not the same argument.")
    told = [{"name": "mute", "arguments": {"on": value}} for value in (True, 1)]
    yield Case("true and 1", (told, 1), "What is `True == 1` in Python? Are their types the same?")
    yield Case("no calls", ([], 1), "There is nothing to repeat.")


@exercise.mistake("Only neighbors are compared. a, b, a, b goes in a circle as well.")
def _neighbors(calls: list[dict], limit: int) -> int:
    run = 0
    for place, call in enumerate(calls):
        run = run + 1 if place and call == calls[place - 1] else 1
        if run > limit:
            return place
    return -1


@exercise.mistake(
    "The arguments are compared as they are written: their order counts, and must not."
)
def _as_written(calls: list[dict], limit: int) -> int:
    written = [json.dumps(call) for call in calls]
    places = [at for at, text in enumerate(written) if written[:at].count(text) == limit]
    return places[0] if places else -1


@exercise.mistake("Only the arguments are compared. Another tool with them is another call.")
def _any_tool(calls: list[dict], limit: int) -> int:
    return repeated_at([call | {"name": ""} for call in calls], limit)


@exercise.mistake("One call too late: the call behind the last one allowed is the one too many.")
def _late(calls: list[dict], limit: int) -> int:
    return repeated_at(calls, limit + 1)


@exercise.mistake("The values are compared as texts, so that the number 5 equals the text 5.")
def _as_texts(calls: list[dict], limit: int) -> int:
    return repeated_at(
        [
            call | {"arguments": {key: str(value) for key, value in call["arguments"].items()}}
            for call in calls
        ],
        limit,
    )


@exercise.mistake(
    "Calls are compared with `==`, and in Python `True == 1`. Their types differ: compare them as "
    "JSON, with sorted keys."
)
def _equal_in_python(calls: list[dict], limit: int) -> int:
    places = [at for at, call in enumerate(calls) if calls[:at].count(call) == limit]
    return places[0] if places else -1
