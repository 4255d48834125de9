"""An exercise: the loop of function calling."""

import collections.abc
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("function-calling", __name__)

exercise = page.exercise(
    id="tool-loop",
    title="The loop of function calling",
    difficulty="hard",
    minutes=25,
    statement="""
    Write the loop of function calling: ask the model, run what it asks for, tell it the result, ask
    again, until it answers. Tools fail, models ask for tools that do not exist, and some models
    never stop. The model is handed in as a function; for a try, write one that first returns a call
    and then an answer.
    """,
    hints=(
        "A `for` loop over the steps ends by itself. What comes after it?",
        "Inside: ask, return if it is an answer, else run the tool. Whatever goes wrong there "
        "becomes a text that begins with `error: `.",
        "`try: content = str(tools[name](**arguments))`, `except Exception as error: content = "
        'f"error: {error}"`. Then append both messages.',
    ),
)


@exercise.solution
def run_tool_loop(
    model: collections.abc.Callable,
    tools: dict[str, collections.abc.Callable],
    question: str,
    max_steps: int,
) -> str:
    """Let a model call tools until it answers.

    Args:
        model: ``model(messages)`` returns {"content": TEXT}, an answer, or
            {"name": ..., "arguments": {...}}, a call.
        tools: Functions by name; arguments are passed by name.
        question: What the user asks.
        max_steps: How often the model is asked, at most.

    Returns:
        The model's answer. The messages begin as [{"role": "user", "content":
        question}]. For each call two are added: {"role": "assistant", "call":
        CALL}, and {"role": "tool", "content": ...} with the result as text, or
        "error: unknown tool", or "error: " and the exception's text.

    Raises:
        ValueError: If there is no answer after `max_steps` turns of the model.
    """
    messages = [{"role": "user", "content": question}]
    for _ in range(max_steps):
        turn = model(messages)
        if "content" in turn:
            return turn["content"]
        try:
            if turn["name"] not in tools:
                raise LookupError("unknown tool")
            content = str(tools[turn["name"]](**turn["arguments"]))
        except Exception as error:
            content = f"error: {error}"
        messages.append({"role": "assistant", "call": turn})
        messages.append({"role": "tool", "content": content})
    raise ValueError(f"no answer after {max_steps} steps")


@exercise.run
def _run_loop(answer: object, script: list[dict], max_steps: int) -> dict[str, object]:
    import copy

    seen, executed = [], []

    def model(messages: list) -> dict:
        if len(seen) == 20:
            raise RuntimeError("the model was asked more than 20 times")
        seen.append(copy.deepcopy(messages))
        turn = script[min(len(seen), len(script)) - 1]
        last = messages[-1].get("content", "nothing")
        return {"content": turn["content"].format(last)} if "content" in turn else dict(turn)

    def divide(a: float, b: float) -> float:
        executed.append(["divide", a, b])
        return a / b

    def add(a: float, b: float) -> float:
        executed.append(["add", a, b])
        return a + b

    text = answer(model, {"add": add, "divide": divide}, "Please compute.", max_steps)
    return {"answer": text, "asked": len(seen), "last messages": seen[-1], "executed": executed}


@exercise.cases
def _loop_cases(rng: Random) -> Cases:
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    add = {"name": "add", "arguments": {"a": a, "b": b}}
    done = {"content": "The tool says {}."}
    hello = {"content": f"Hello, {some_words(rng, 1)[0]}!"}
    yield Case("an answer at once", ([hello], 3), "Is any tool needed here?")
    yield Case("one call", ([add, done], 3), "How does the model learn what came of its call?")
    failing = {"name": "divide", "arguments": {"a": a, "b": 0}}
    yield Case(
        "a tool that fails", ([failing, done], 3), "Should the program stop, or the model be told?"
    )
    unknown = {"name": "multiply", "arguments": {"a": a, "b": b}}
    yield Case("an unknown tool", ([unknown, add, done], 4), "What can the model do with an error?")
    yield Case(
        "an answer in the last step", ([add, add, done], 3), "How often may the model be asked?"
    )
    late, endless = ([add, add, add, done], 3), ([add], 4)
    yield Case("an answer too late", late, "Which turn is the fourth?", refused=True)
    think = "Who ends a loop that the model does not?"
    yield Case("a model that never stops", endless, think, refused=True)


@exercise.mistake(
    "There is no limit: a model that always asks for a tool keeps your program busy, and your bill "
    "growing, for ever."
)
def _endless(model: object, tools: dict, question: str, max_steps: int) -> str:
    return run_tool_loop(model, tools, question, 1000)


@exercise.mistake(
    "The model is asked once more than `max_steps` allows. Count its turns, the answer included."
)
def _one_too_many(model: object, tools: dict, question: str, max_steps: int) -> str:
    return run_tool_loop(model, tools, question, max_steps + 1)


@exercise.mistake(
    "A tool that fails stops the program. Give the error to the model as the result; it can try "
    "something else or say that it did not work."
)
def _crashing(model: object, tools: dict, question: str, max_steps: int) -> str:
    messages = [{"role": "user", "content": question}]
    for _ in range(max_steps):
        turn = model(messages)
        if "content" in turn:
            return turn["content"]
        content = "error: unknown tool"
        if turn["name"] in tools:
            content = str(tools[turn["name"]](**turn["arguments"]))
        messages += [{"role": "assistant", "call": turn}, {"role": "tool", "content": content}]
    raise ValueError("no answer")


@exercise.mistake(
    "For an unknown tool the model reads only a name: the text of a KeyError is the key. Nobody "
    "can tell from that what went wrong. Ask whether the tool is there, and answer `error: unknown "
    "tool`."
)
def _name_as_error(model: object, tools: dict, question: str, max_steps: int) -> str:
    def lookup(name: str) -> object:
        def call(**arguments: object) -> object:
            return tools[name](**arguments)

        return call

    class AllNames(dict):
        def __contains__(self, name: object) -> bool:
            return True

        def __missing__(self, name: str) -> object:
            return lookup(name)

    return run_tool_loop(model, AllNames(), question, max_steps)


@exercise.mistake(
    "The result never reaches the model, so it can't use it. Add it to the messages before asking "
    "again."
)
def _without_result(model: object, tools: dict, question: str, max_steps: int) -> str:
    def deaf(messages: list) -> object:
        return model([message for message in messages if message["role"] != "tool"])

    return run_tool_loop(deaf, tools, question, max_steps)


@exercise.mistake(
    "At the limit you return the tool's result as if the model had answered. Nobody has said that "
    "it answers the question: raise a ValueError."
)
def _result_as_answer(model: object, tools: dict, question: str, max_steps: int) -> str:
    last = [""]

    def listening(messages: list) -> object:
        last[0] = model(messages)
        return last[0]

    try:
        return run_tool_loop(listening, tools, question, max_steps)
    except ValueError:
        return str(tools[last[0]["name"]](**last[0]["arguments"]))
