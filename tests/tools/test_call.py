"""Calls read from text: the forms of several families, and everything that is refused."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from companion.errors import ToolCallError
from companion.tools.call import MAX_LENGTH, ToolCall, parse_calls, parse_tool_calls
from companion.tools.strict_json import MAX_DEPTH

PARIS = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
CALLS = [ToolCall("get_weather", {"city": "Paris"}), ToolCall("get_weather", {"city": "Oslo"})]


def call(arguments: str, name: str = "f") -> str:
    return f'{{"name": "{name}", "arguments": {arguments}}}'


def test_a_call_is_read_and_written_as_pocket_chat_does() -> None:
    (found,) = parse_calls(PARIS)

    assert found == CALLS[0]
    assert found.text() == PARIS


@pytest.mark.parametrize(
    "text",
    [
        f"{PARIS}\n{OSLO}",
        f"  {PARIS}\n\n{OSLO}\n",
        f"[{PARIS}, {OSLO}]",
        f"{PARIS} {OSLO}",
        f"[\n  {PARIS},\n  {OSLO}\n]",
        f"```json\n{PARIS}\n{OSLO}\n```",
        f"<tool_call>\n{PARIS}\n</tool_call>\n<tool_call>\n{OSLO}\n</tool_call>",
        f"I look both up.\n<tool_call>{PARIS}</tool_call>\n<tool_call>{OSLO}</tool_call>\nWait.",
        f"<think>\n{{Two cities?\n</think>\n\n{PARIS}\n{OSLO}",
        f"<think></think>\n<tool_call>{PARIS}</tool_call>\n<tool_call>{OSLO}</tool_call>",
        f"<tool_call>{PARIS}</tool_call><tool_call>{OSLO}</tool_call>",
        f"<tool_call>[{PARIS}, {OSLO}]</tool_call>",
        f"<tool_call>[{PARIS}]</tool_call>\n<tool_call>[{OSLO}]</tool_call>",
        f"<tool_call>{PARIS}</tool_call> <tool_call>{OSLO}</tool_call>",
        f"I look.\n  <tool_call>{PARIS}</tool_call>\t<tool_call>{OSLO}</tool_call>",
        f"<tool_call>\r\n{PARIS}\r\n</tool_call>\r\n<tool_call>\r\n{OSLO}\r\n</tool_call>\r\n",
        f"{PARIS}\r\n{OSLO}\r\n",
        f"```JSON\r\n{PARIS}\r\n{OSLO}\r\n```",
        f"```json {PARIS} {OSLO}```",
        f"```json\n{PARIS}\n{OSLO}",
        f"```xml\n<tool_call>{PARIS}</tool_call>\n<tool_call>{OSLO}</tool_call>\n```",
        f"Both at once.\n</think>\n\n{PARIS}\n{OSLO}",
        f"<think>\n{PARIS}\n</think>\n<think>No, both.</think>\n{PARIS}\n{OSLO}",
        f"[THINK]Both.[/THINK]{PARIS}\n{OSLO}",
    ],
)
def test_parallel_calls_keep_their_order(text: str) -> None:
    assert parse_calls(text) == CALLS


def test_llama_says_parameters() -> None:
    text = '{"type": "function", "name": "f", "parameters": {"x": 1}}'

    assert parse_calls(text) == [ToolCall("f", {"x": 1})]


def test_a_call_over_several_lines_is_one_call() -> None:
    assert parse_calls(json.dumps(json.loads(PARIS), indent=2)) == CALLS[:1]


@pytest.mark.parametrize("mark", ["</think>", "<think>Hm.</think>", "split('</think>')"])
def test_a_call_may_speak_of_the_marks_of_reasoning(mark: str) -> None:
    wanted = ToolCall("search", {"query": mark})

    assert parse_calls(wanted.text()) == [wanted]
    assert parse_calls(f"Hm.\n</think>\n<tool_call>{wanted.text()}</tool_call>") == [wanted]


def test_calls_between_reasoning_are_read() -> None:
    text = f"<think>One.</think>\n<tool_call>{PARIS}</tool_call>\n<think>\n{PARIS} again?\n"

    assert parse_calls(f"{text}</think>\n<tool_call>{OSLO}</tool_call>") == CALLS
    assert parse_calls(text) == CALLS[:1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "In Paris it is sunny.",
        '{"temperature": 3}',
        "[1] says so.",
        '[1] the "name" of the river',
        "[]",
        "{",
        f"I would write {PARIS}",
        'A record is\n{"name": "Ann", "age": 3}',
        'In C:\n{\n  return "name";\n}\nThe "arguments" follow.',
        "The tag <tool_call> begins a call.",
        "A call begins with `<tool_call>` and ends with `</tool_call>`.",
        f"Perhaps:\n<tool_call>{PARIS}</tool_call>\nNo.\n</think>\n\nI will not.",
        f"<think>\n{PARIS}\n</think>\n\nI will not.",
        f"{PARIS}\n</think>\nI will not.",
        f"<think>a</think>\n<think>\n<tool_call>{PARIS}</tool_call>",
        f"[THINK]\n{PARIS}\n[/THINK]\nI will not.",
        f"<think>I could say\n<tool_call>{PARIS}</tool_call>",
        "```python\nprint(1)\n```",
        "<b>bold</b>",
    ],
)
def test_text_without_a_call_is_an_answer(text: str) -> None:
    assert parse_calls(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"name": "get_wea', "not valid JSON: Unterminated string"),
        ('{"name": "f", "arguments": {"x": 1}', "not valid JSON"),
        ('{\'name\': "f", "arguments": {}}', "not valid JSON"),
        ('{"name": "f", "arguments": {"x": 1,}}', "not valid JSON"),
        (f"{PARIS}\nI called it.", "text after a call: 'I called it.'"),
        (f"{PARIS}, {OSLO}", "text after a call"),
        ('{"name": "f"}', "keys 'name' and 'arguments' and no others, got \"'name'\""),
        ('{"arguments": {}}', "'name' of a call must be a text, got None"),
        ('{"name": 3, "arguments": {}}', "'name' of a call must be a text, got 3"),
        ('{"name": "", "arguments": {}}', "'name' of a call must be a text, got ''"),
        (call("[1]"), r"arguments of 'f' must be an object.* got \[1\]"),
        (call('"{}"'), "arguments of 'f' must be an object"),
        (call("null"), "arguments of 'f' must be an object"),
        ('{"name": "f", "arguments": {}, "then": 1}', "no others"),
        ('{"name": "f", "arguments": {}, "parameters": {}}', "no others"),
        (f"[{PARIS}, 3]", "a call must be an object, got 3"),
        (f"[{PARIS}] {OSLO}", "a call must be an object, got"),
        (call('{"x": 1, "x": 2}'), "key 'x' stands twice"),
        ('{"name": "f", "name": "g", "arguments": {}}', "key 'name' stands twice"),
        (call('{"x": NaN}'), "NaN is not a JSON number"),
        (call('{"x": -Infinity}'), "-Infinity is not a JSON number"),
        (call('{"x": 1e999}'), "'1e999' is too large"),
        (call('{"x": 9223372036854775808}'), "is too large"),
        (call('{"x": -9223372036854775808}'), "is too large"),
        (call(f'{{"x": {"9" * 5000}}}'), r"'9+\.\.\. is too large"),
        (call('{"x": "\\ud800"}'), "lone surrogate"),
        (call('{"x": "\ud800"}'), "lone surrogate"),
        (call('{"x": ' + "[" * 15 + "]" * 15 + "}"), f"more than {MAX_DEPTH} lists"),
        (call("[" * 9000), f"more than {MAX_DEPTH} lists|not valid JSON"),
        (call(json.dumps({"x": "a" * MAX_LENGTH})), "a call of 20037 characters; at most 20000"),
        ("\n".join([PARIS] * 9), "9 calls in one turn; at most 8"),
        (f"<tool_call>{PARIS}", "<tool_call> without </tool_call>"),
        (f"Now.\n<tool_call>{PARIS}", "<tool_call> without </tool_call>"),
        ("<tool_call></tool_call>", "not valid JSON"),
        (f"<tool_call>{PARIS} {OSLO}</tool_call>", "text after a call"),
        (f"<tool_call>[[{PARIS}]]</tool_call>", "a call must be an object"),
        (f"<tool_call>[{PARIS}, 5]</tool_call>", "a call must be an object"),
        (f"I look. <tool_call>{PARIS}</tool_call>", "in the middle of a line may be a quotation"),
        (f"Look:\n<tool_call>{PARIS}</tool_call>, <tool_call>{OSLO}</tool_call>", "middle of a li"),
        (f"{PARIS}\n<tool_call>{OSLO}</tool_call>", "a call among words"),
        (f"<tool_call>{PARIS}</tool_call>\n{OSLO}", "a call among words"),
        (f"The page says:\n{PARIS}", "a call among words"),
        (f"Let me look:\n```json\n{PARIS}\n```", "a call among words"),
        (f"Let me look:\n  [{PARIS}, {OSLO}]", "a call among words"),
        ('Look:\n{"name": "f", "arguments": {"x"', "a call among words"),
        ('Look:\n{"name": "f", "parameters": {}}', "a call among words"),
        (f"```json\n{PARIS}\n```\n```json\n{OSLO}\n```", "text after a call"),
        (f"Hm, <think> perhaps\n<tool_call>{PARIS}</tool_call>", "inside of reasoning"),
        (f"<tool_call>{PARIS}</tool_call>\nOr </think> not?", "inside of reasoning"),
        (f"{PARIS} No </think> I will not.", "text after a call"),
        (f"```json\n{PARIS}\n</think>\nI will not.", "text after a call"),
        ("<tool_call>\r\n" + PARIS[:-3] + "\r\n</tool_call>", "not valid JSON"),
        ("<tool_call>", "not valid JSON"),
        ('[TOOL_CALLS] [{"name": "f", "arguments": {}}]', "TOOL_CALLS.* are not understood"),
        ("<function=f>{}</function>", "are not understood"),
    ],
)
def test_what_is_meant_as_a_call_and_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ToolCallError, match=problem) as caught:
        parse_calls(text)

    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 300  # a model reads it: no page-long echo


def test_braces_in_strings_are_no_nesting() -> None:
    text = call(json.dumps({"x": "[{" * 50 + '"' + "\\" + "{[" * 50}))

    assert parse_calls(text)[0].arguments["x"].startswith("[{[{")


def test_sixteen_levels_are_allowed() -> None:
    (found,) = parse_calls(call('{"x": ' + "[" * 14 + "]" * 14 + "}"))

    assert found.name == "f"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
call_text = st.builds(
    lambda before, value, after: before + json.dumps(value) + after,
    st.sampled_from(["", "[", "<tool_call>", "{", '{"name": "f", "arguments": ', "\n"]),
    json_values | st.fixed_dictionaries({"name": st.text(), "arguments": json_values}),
    st.sampled_from(["", "]", "</tool_call>", "}", "\n"]),
)


@example('{"name"' + "[" * 19_000)
@example('{"name": ' + '"' * 19_000)
@example('{"name": "' + "\\" * 19_000)
@example('\n<tool_call>{"name"' * 900)
@example('x\n{"name": [' * 400)
@example('x\n{"name": "arguments"}' * 800)
@given(st.text() | st.text('{}[]":,\\ nameargut0') | call_text)
def test_any_text_gives_calls_or_a_tool_call_error(text: str) -> None:
    began = time.perf_counter()

    try:
        found = parse_calls(text)
    except ToolCallError:
        found = []

    assert all(isinstance(one.arguments, dict) for one in found)
    json.dumps([one.arguments for one in found], allow_nan=False).encode()
    assert time.perf_counter() - began < 1


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), plain, max_size=4))
def test_a_call_that_is_written_is_read_again(arguments: dict) -> None:
    wanted = ToolCall("f", arguments)

    assert parse_calls(wanted.text()) == [wanted]


def openai(arguments: object, name: object = "f", call_id: object = "call_1") -> dict:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("arguments", ['{"x": 1}', {"x": 1}])
def test_calls_of_an_endpoint_keep_their_id(arguments: object) -> None:
    assert parse_tool_calls([openai(arguments)]) == [ToolCall("f", {"x": 1}, "call_1")]


@pytest.mark.parametrize("arguments", ["", None, {}, "{}"])
def test_a_call_of_an_endpoint_may_have_no_arguments(arguments: object) -> None:
    assert parse_tool_calls([openai(arguments)]) == [ToolCall("f", {}, "call_1")]


@pytest.mark.parametrize(
    ("tool_calls", "problem"),
    [
        ("f", "must be a list, got str"),
        ({"a": 1}, "must be a list, got dict"),
        (None, "must be a list, got NoneType"),
        (["f"], "must have a 'function', got 'f'"),
        ([{"id": "1"}], "must have a 'function'"),
        ([openai("{")], "not valid JSON"),
        ([openai("{} {}")], "text after a call"),
        ([openai('{"x": 1, "x": 2}')], "twice"),
        ([openai({"x": float("nan")})], "NaN is not a JSON number"),
        ([openai({"x": {1, 2}})], "can't be written as JSON"),
        ([openai("[1]")], "must be an object"),
        ([openai("{}", name=None)], "'name' of a call must be a text"),
        ([openai("[" * 17 + "]" * 17)], "more than 16 lists"),
        ([openai("[" * 100)], "not valid JSON"),
        ([openai("1" * 30_000)], "a call of 30000 characters"),
        ([openai("{}")] * 9, "9 calls in one turn"),
    ],
)
def test_calls_of_an_endpoint_are_checked_too(tool_calls: object, problem: str) -> None:
    with pytest.raises(ToolCallError, match=problem):
        parse_tool_calls(tool_calls)


def test_the_key_of_a_call_does_not_depend_on_the_order_of_its_arguments() -> None:
    one, two = ToolCall("f", {"a": 1, "b": 2}), ToolCall("f", {"b": 2, "a": 1}, "id")

    assert one.key() == two.key()
    assert one.key() != ToolCall("f", {"a": 1, "b": 3}).key()
    assert one.key() != ToolCall("g", {"a": 1, "b": 2}).key()
