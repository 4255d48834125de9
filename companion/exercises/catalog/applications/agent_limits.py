"""Exercises: what an agent keeps in its context, and what it may do without asking."""

import collections.abc
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("agents", __name__)

exercise = page.exercise(
    title="Clear old results",
    difficulty="medium",
    minutes=20,
    statement="""
    The results of tools fill the context. Replace them by `"[cleared]"`, the oldest first, until
    the conversation fits. Everything else stays: the question, what the model wrote, and above all
    the *newest* result, which it has not used yet. `count` counts the tokens of a text; what is
    put in the place of a result counts too.
    """,
    hints=(
        "Where are the results? Make a list of their places, and leave the last one out.",
        "Go through these places from the front. Before each, see whether it fits already.",
        "Copy before you change: `messages = [dict(message) for message in messages]`.",
    ),
)


@exercise.solution
def clear_results(
    messages: list[dict],
    budget: int,
    count: collections.abc.Callable,
) -> list[dict]:
    """Clear the results of tools, oldest first, until a conversation fits.

    Args:
        messages: Dicts with "role" and "content"; results have the role "tool".
            They must not be changed.
        budget: Most tokens of all contents together.
        count: ``count(text)`` returns the tokens of a text.

    Returns:
        The messages, as few results cleared as the budget allows. If it can't
        be met, all results but the newest are cleared.
    """
    messages = [dict(message) for message in messages]
    results = [at for at, message in enumerate(messages) if message["role"] == "tool"]
    for at in results[:-1]:
        if sum(count(message["content"]) for message in messages) <= budget:
            break
        messages[at]["content"] = "[cleared]"
    return messages


@exercise.run
def _run_clear(answer: object, messages: list[dict], budget: int) -> dict[str, object]:
    import copy

    given = copy.deepcopy(messages)
    kept = answer(given, budget, lambda text: len(text.split()))
    return {"messages": kept, "given changed": given != messages}


def _conversation(rng: Random, results: int, length: int) -> list[dict]:
    messages = [{"role": "user", "content": " ".join(some_words(rng, 4))}]
    for _ in range(results):
        messages.append({"role": "assistant", "content": " ".join(some_words(rng, 3))})
        messages.append({"role": "tool", "content": " ".join(some_words(rng, length))})
    return messages


@exercise.cases
def _clear_cases(rng: Random) -> Cases:
    talk = _conversation(rng, 3, 10)  # 4 + 3 * 13 = 43 words
    yield Case("it fits", (talk, 43), "Nothing has to go. Is exactly the budget too much?")
    yield Case("one too many", (talk, 40), "One cleared result is enough. Which one?")
    yield Case("two too many", (talk, 30), "Go on until it fits.")
    yield Case("can't be met", (talk, 10), "The newest result stays, whatever the budget says.")
    yield Case("no results", (talk[:2], 1), "What the user and the model wrote stays.")
    yield Case("one result", (talk[:3], 5), "It is the newest: it stays.")


@exercise.mistake("The newest result is gone: the model has not read it yet.")
def _newest_too(messages: list[dict], budget: int, count: collections.abc.Callable) -> list[dict]:
    kept = clear_results([*messages, {"role": "tool", "content": ""}], budget, count)
    return kept[:-1]


@exercise.mistake("The newest results go first. The oldest have been used, and are missed least.")
def _newest_first(messages: list[dict], budget: int, count: collections.abc.Callable) -> list[dict]:
    messages = [dict(message) for message in messages]
    results = [at for at, message in enumerate(messages) if message["role"] == "tool"]
    for at in reversed(results[:-1]):
        if sum(count(message["content"]) for message in messages) <= budget:
            break
        messages[at]["content"] = "[cleared]"
    return messages


@exercise.mistake("Every old result is cleared, also where the conversation would fit with some.")
def _all_of_them(messages: list[dict], budget: int, count: collections.abc.Callable) -> list[dict]:
    if sum(count(message["content"]) for message in messages) <= budget:
        return messages
    return clear_results(messages, 0, count)


@exercise.mistake("The messages that were handed in are changed. Copy them first.")
def _in_place(messages: list[dict], budget: int, count: collections.abc.Callable) -> list[dict]:
    for message, kept in zip(messages, clear_results(messages, budget, count), strict=True):
        message.update(kept)
    return messages


@exercise.mistake("Whole messages are removed. A call without a result confuses the model.")
def _removed(messages: list[dict], budget: int, count: collections.abc.Callable) -> list[dict]:
    kept = clear_results(messages, budget, count)
    return [message for message in kept if message["content"] != "[cleared]"]


exercise = page.exercise(
    title="A gate before the tools",
    difficulty="medium",
    minutes=15,
    statement="""
    Decide about each call that a model asks for. Tools in `reading` only look something up: run
    them. Tools in `changing` have an effect: ask `approve(call)`, and only `True` itself lets the
    call run. A tool in neither set is refused, and nobody is asked about it.
    """,
    hints=(
        "Three cases: reading, changing, neither. Which of them needs no question?",
        '`approve` may return "no" or None, if somebody wrote it carelessly. "no" is truthy.',
        "`approve(call) is True`",
    ),
)


@exercise.solution
def decide(
    calls: list[dict],
    reading: set[str],
    changing: set[str],
    approve: collections.abc.Callable,
) -> list[str]:
    """Decide which calls run.

    Args:
        calls: What the model asks for, each {"name": ..., "arguments": {...}}.
        reading: Names of tools that change nothing.
        changing: Names of tools that have an effect.
        approve: ``approve(call)`` asks a person.

    Returns:
        For each call "run" or "refused".
    """
    decisions = []
    for call in calls:
        name = call["name"]
        runs = name in reading or (name in changing and approve(call) is True)
        decisions.append("run" if runs else "refused")
    return decisions


@exercise.run
def _run_gate(
    answer: object, names: list[str], reading: list[str], changing: list[str], replies: list
) -> dict[str, object]:
    asked: list[str] = []

    def approve(call: dict) -> object:
        asked.append(call["name"])
        return replies[(len(asked) - 1) % len(replies)]

    calls = [{"name": name, "arguments": {}} for name in names]
    return {"decisions": answer(calls, set(reading), set(changing), approve), "asked about": asked}


@exercise.cases
def _gate_cases(rng: Random) -> Cases:
    look, send, other = some_words(rng, 3)
    yield Case("reading", ([look], [look], [send], [False]), "It changes nothing: nobody is asked.")
    yield Case("approved", ([send], [look], [send], [True]), "The person agreed.")
    yield Case("refused", ([send], [look], [send], [False]), "The person did not agree.")
    yield Case("unknown", ([other], [look], [send], [True]), "It is in neither set.")
    yield Case('"no"', ([send], [look], [send], ["no"]), 'Is the text "no" a yes?')
    yield Case("no reply", ([send], [look], [send], [None]), "Silence is no approval.")
    several = ([look, send, send, other], [look], [send], [True, False])
    yield Case("each call", several, "What was agreed to once holds for that call only.")


@exercise.mistake('"no" lets the call run: any text that is not empty is truthy.')
def _truthy(
    calls: list[dict],
    reading: set[str],
    changing: set[str],
    approve: collections.abc.Callable,
) -> list[str]:
    return decide(calls, reading, changing, lambda call: bool(approve(call)))


@exercise.mistake("A tool in neither set is asked about. It must be refused, whatever anyone says.")
def _asks_about_unknown(
    calls: list[dict],
    reading: set[str],
    _changing: set[str],
    approve: collections.abc.Callable,
) -> list[str]:
    return decide(calls, reading, {call["name"] for call in calls}, approve)


@exercise.mistake("People are asked about every call. Soon they will say yes without reading.")
def _asks_always(
    calls: list[dict],
    reading: set[str],
    changing: set[str],
    approve: collections.abc.Callable,
) -> list[str]:
    return decide(calls, set(), reading | changing, approve)


@exercise.mistake("One yes lets all later calls of the tool run. Each call has its own arguments.")
def _once(
    calls: list[dict],
    reading: set[str],
    changing: set[str],
    approve: collections.abc.Callable,
) -> list[str]:
    agreed: set[str] = set()

    def remembered(call: dict) -> bool:
        if call["name"] not in agreed and approve(call) is True:
            agreed.add(call["name"])
        return call["name"] in agreed

    return decide(calls, reading, changing, remembered)
