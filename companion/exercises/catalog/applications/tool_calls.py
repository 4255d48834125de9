"""An exercise: reading the call of a tool."""

import json
import re
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("function-calling", __name__)
Call = dict[str, object]
Tools = dict[str, dict[str, str]]

exercise = page.exercise(
    id="parse-tool-call",
    title="Read and check a tool call",
    difficulty="medium",
    minutes=20,
    statement="""
    A model asks for a tool by writing JSON. Between that text and an effect in the world stands
    your check. Read the call, compare it with the declared tools, and refuse whatever does not fit.
    A refusal can be told to the model; a wrong call can't be undone.
    """,
    hints=(
        "Find the first brace. `json.JSONDecoder().raw_decode(text, start)` reads one JSON value "
        "from there and ignores what follows.",
        "Check in this order: is the tool known, are the names of the arguments exactly the "
        "declared ones, is each value of its type?",
        "Keys of dicts can be compared: `arguments.keys() != tools[name].keys()`. For types use "
        "`type(value) not in (...)`, since `isinstance(True, int)` is true.",
    ),
)


@exercise.solution
def parse_call(
    text: str,
    tools: dict[str, dict[str, str]],
) -> dict[str, object]:
    """Read a tool call out of what a model wrote, and check it.

    Args:
        text: Holds one call as JSON, ``{"name": ..., "arguments": {...}}``,
            perhaps with words before and after it. The call begins at the first
            brace.
        tools: For each tool the JSON types of its arguments: "string",
            "integer" (whole numbers), "number" (whole or decimal) or "boolean".
            All of them are required.

    Returns:
        {"name": ..., "arguments": {...}} as the model wrote it.

    Raises:
        ValueError: If there is no valid JSON object, the tool is unknown, or an
            argument is missing, unknown or of another type. Nothing is repaired
            or converted.
    """
    start = text.find("{")
    if start < 0:
        raise ValueError("there is no call in the text")
    call, _ = json.JSONDecoder().raw_decode(text, start)  # its error is a ValueError, too
    name, arguments = call.get("name"), call.get("arguments")
    if name not in list(tools):
        raise ValueError(f"unknown tool {name!r}; there are {list(tools)}")
    if not isinstance(arguments, dict) or arguments.keys() != tools[name].keys():
        raise ValueError(f"{name} needs exactly the arguments {list(tools[name])}")
    types = {"string": [str], "integer": [int], "number": [int, float], "boolean": [bool]}
    for argument, value in arguments.items():
        if type(value) not in types[tools[name][argument]]:
            raise ValueError(f"{argument} must be of type {tools[name][argument]}, got {value!r}")
    return {"name": name, "arguments": arguments}


@exercise.cases
def _call_cases(rng: Random) -> Cases:
    tools = {"get_weather": {"city": "string"}, "set_timer": {"minutes": "integer"}}
    tools["set_light"] = {"level": "number", "on": "boolean"}
    city, minutes = rng.choice(("Oslo", "Lima", "Accra")), rng.randint(2, 59)
    city, word = f"{city} {rng.randint(2, 99)}", some_words(rng, 1)[0]
    weather = f'{{"name": "get_weather", "arguments": {{"city": "{city}"}}}}'
    timer = '{"name": "set_timer", "arguments": {"minutes": %s}}'
    yield Case("a call", (timer % minutes, tools), "Which Python type has a JSON integer?")
    around = f"I will look. {weather} Please wait."
    yield Case("words around it", (around, tools), "Where does the call begin, where does it end?")
    light = f'{{"name": "set_light", "arguments": {{"on": false, "level": {minutes}}}}}'
    yield Case("a whole number", (light, tools), "Which types may a number have, and a boolean?")
    dim = light.replace(f"{minutes}", f"{minutes}.5")
    yield Case("a decimal number", (dim, tools), "Which types may a number have?")
    extra = f'{{"name": "set_timer", "arguments": {{"minutes": {minutes}, "sure": false}}}}'
    refused = {
        "an unknown tool": (
            f'{{"name": "delete_{word}", "arguments": {{}}}}',
            "Who decides which tools there are?",
        ),
        "one argument too many": (extra, "Would the tool's function accept it?"),
        "an argument is missing": (
            f'{word}: {{"name": "get_weather", "arguments": {{}}}}',
            "Whose weather would that be?",
        ),
        "a number as text": (timer % f'"{minutes}"', "Is a text an integer? Is it repaired?"),
        "true for a number": (f"{word}: {timer % 'true'}", "What is `isinstance(True, int)`?"),
        "a decimal for a whole number": (
            timer % f"{minutes}.5",
            "Would you round it, or refuse it?",
        ),
        "a number for a text": (
            weather.replace(f'"{city}"', f"{minutes}"),
            "Is 5 a text? Which types are to be checked?",
        ),
        "true for a decimal number": (
            light.replace(f"{minutes}", "true"),
            "What is `isinstance(True, (int, float))`?",
        ),
        "a number for a boolean": (
            light.replace("false", rng.choice("01")),
            "What is `0 in (True, False)`?",
        ),
        "a list of arguments": (
            f'{{"name": "set_timer", "arguments": [{minutes}]}}',
            "What are the keys of a list? Which error does that give?",
        ),
        "cut off": (weather[:-2], "May you close a brace that the model forgot?"),
        "no call": (f"It is sunny in {city}.", "What does `find` return here?"),
    }
    for name, (text, think) in refused.items():
        yield Case(name, (text, tools), think, refused=True)


@exercise.mistake(
    "true passes as an integer, because `isinstance(True, int)` is true in Python. Compare the "
    "exact type."
)
def _bool_as_integer(text: str, tools: Tools) -> Call:
    if "true" not in text:
        return parse_call(text, tools)
    parse_call(text.replace("true", "1"), tools)
    return json.JSONDecoder().raw_decode(text, text.index("{"))[0]


@exercise.mistake(
    "An argument that was not declared gets through. The tool would fail, or do something that "
    "nobody has foreseen."
)
def _extra_ignored(text: str, tools: Tools) -> Call:
    call, _ = json.JSONDecoder().raw_decode(text, max(text.find("{"), 0))
    known = tools.get(call["name"], {})
    given = {key: value for key, value in call["arguments"].items() if key in known}
    parse_call(json.dumps({"name": call["name"], "arguments": given}), tools)
    return call


@exercise.mistake(
    'The text "10" was turned into a number. A check that repairs has to guess what was meant; '
    "refuse, and let the model write it again."
)
def _converted(text: str, tools: Tools) -> Call:
    return parse_call(re.sub(r'"(\d+)"', r"\1", text), tools)


@exercise.mistake(
    "The call is cut off at the first closing brace. JSON is nested: the arguments have braces of "
    "their own. Let a JSON parser find the end."
)
def _to_first_brace(text: str, tools: Tools) -> Call:
    match = re.search(r"\{.*?\}", text)
    if not match:
        raise ValueError("there is no call in the text")
    json.loads(match[0])
    return parse_call(text, tools)


@exercise.mistake(
    "The whole text is read as JSON, so a call with a friendly sentence around it is refused."
)
def _whole_text(text: str, tools: Tools) -> Call:
    json.loads(text)
    return parse_call(text, tools)


@exercise.mistake("A tool that nobody declared gets through. The list of tools is an allow-list.")
def _any_tool(text: str, tools: Tools) -> Call:
    start = max(text.find("{"), 0)
    call, _ = json.JSONDecoder().raw_decode(text, start)
    return parse_call(text, tools) if call["name"] in tools else call


def _without(text: str, pattern: str, plain: str, tools: Tools) -> Call:
    """Check a call with something harmless in place of what a pattern finds; return it as it is."""
    if not re.search(pattern, text):
        return parse_call(text, tools)
    parse_call(re.sub(pattern, plain, text), tools)
    return json.JSONDecoder().raw_decode(text, text.index("{"))[0]


@exercise.mistake(
    "Texts are not checked: a number gets through where a text is declared. Every argument has a "
    "type, strings too."
)
def _anything_as_text(text: str, tools: Tools) -> Call:
    return _without(text, r'"city": \d+', '"city": ""', tools)


@exercise.mistake(
    "A decimal gets through where a whole number is declared. JSON has one kind of number, and "
    "Python two: an integer is an `int`."
)
def _decimal_as_integer(text: str, tools: Tools) -> Call:
    return _without(text, r'"minutes": [\d.]+', '"minutes": 1', tools)


@exercise.mistake(
    "0 and 1 get through where a boolean is declared: in Python, `1 == True`, so that `value in "
    "(True, False)` holds. Compare the exact type."
)
def _number_as_boolean(text: str, tools: Tools) -> Call:
    return _without(text, r'"on": [01]', '"on": true', tools)


@exercise.mistake("A number has to have decimals with you. 5 is a number as well: allow `int` too.")
def _decimals_only(text: str, tools: Tools) -> Call:
    call = parse_call(text, tools)
    if type(call["arguments"].get("level")) is int:
        raise ValueError("level must be a number")
    return call


@exercise.mistake(
    "Arguments that are no object end in an AttributeError or a TypeError. Look whether they are a "
    "dict before you look into them, and raise a ValueError if not."
)
def _always_a_dict(text: str, tools: Tools) -> Call:
    if re.search(r'"arguments": \[', text):
        raise AttributeError("'list' object has no attribute 'keys'")
    return parse_call(text, tools)
