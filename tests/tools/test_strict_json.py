"""JSON as a model wrote it: no repair, no guess, nothing huge."""

import json

import pytest

from companion.errors import ToolCallError
from companion.tools.strict_json import MAX_DEPTH, MAX_INTEGER, read_only_value, read_value, shown


@pytest.mark.parametrize(
    ("text", "at", "value", "end"),
    [
        ('{"a": [1, 2.5, null, true]} and more', 0, {"a": [1, 2.5, None, True]}, 27),
        (" \t\r\n7", 0, 7, 5),
        ("xx[1] [2]", 2, [1], 5),
        ("xx[1] [2]", 5, [2], 9),
        ('"é茶"', 0, "é茶", 4),
    ],
)
def test_a_value_is_read_up_to_its_end(text: str, at: int, value: object, end: int) -> None:
    assert read_value(text, at) == (value, end)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not valid JSON: Expecting value at character 1"),
        ("  {'a': 1}", "is not valid JSON"),
        ('{"a": 1,}', "is not valid JSON"),
        ("NaN", "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("1e999", "the number '1e999' is too large"),
        (str(MAX_INTEGER + 1), "the whole number .* is too large"),
        (f"-{MAX_INTEGER + 1}", "is too large"),
        ("9" * 5000, "is too large"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice in one object"),
        ('{"x": {"a": 1, "a": 1}}', "the key 'a' stands twice"),
        (r'"\ud800"', "half of a character"),
        (r'{"\udfff": 1}', "half of a character"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "more than 16 lists and objects"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "more than 16 lists and objects"),
    ],
)
def test_what_is_not_strict_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ToolCallError, match=said):
        read_value(text)


def test_what_is_just_allowed_is_read() -> None:
    for value in (MAX_INTEGER, -MAX_INTEGER, {"a": {"a": [1]}, "b": {"a": 1}}):
        assert read_value(json.dumps(value))[0] == value
    assert read_value("[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == 2 * MAX_DEPTH


@pytest.mark.parametrize("text", ["{} {}", "1 2", "{}, and more", "[1]]"])
def test_nothing_may_follow_the_only_value(text: str) -> None:
    with pytest.raises(ToolCallError, match=r"text after a call: .* Write the call and no more"):
        read_only_value(text)

    assert read_only_value(' {"a": 1}\n') == {"a": 1}


def test_a_long_value_is_shown_in_part() -> None:
    assert shown("abc") == "'abc'"
    assert len(shown("x" * 500)) == 80
    assert shown("x" * 500).endswith("...")
