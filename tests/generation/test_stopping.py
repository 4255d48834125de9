"""Stop strings and half-finished characters."""

import pytest

from companion.generation.stopping import close, find_stop, settled_length


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("a.b", ["."], 1),
        ("a.b", ["b", "."], 1),
        ("abc", ["bc", "abcd"], 1),
        ("abc", ["x"], None),
        ("abc", [], None),
        ("", ["x"], None),
    ],
)
def test_the_earliest_stop_string_counts(text: str, stop: list[str], expected: int | None) -> None:
    assert find_stop(text, stop) == expected


@pytest.mark.parametrize(
    ("text", "stop", "shown"),
    [
        ("hello", [], "hello"),
        ("hello", ["x"], "hello"),
        ("hell\ufffd", [], "hell"),
        ("hell\ufffd\ufffd", [], "hell"),
        ("a\ufffdb", [], "a\ufffdb"),
        ("Q: 8\nQ", ["\nQ:"], "Q: 8"),
        ("Q: 8\n", ["\nQ:"], "Q: 8"),
        ("Q: 8\nA", ["\nQ:"], "Q: 8\nA"),
        ("xaa", ["aab"], "x"),
        ("aab", ["aabaac"], ""),
        ("aabaab", ["aabaac"], "aab"),
        ("ab", ["bx", "abc"], ""),
        ("a\n\ufffd", ["\n\n"], "a"),
    ],
)
def test_text_that_may_still_change_is_held_back(text: str, stop: list[str], shown: str) -> None:
    assert text[: settled_length(text, stop)] == shown


def test_a_stream_is_closed_if_it_can_be() -> None:
    closed = []

    def source():
        try:
            yield "a"
        finally:
            closed.append(True)

    pieces = source()
    next(pieces)
    for stream in (pieces, iter(["a"])):
        close(stream)

    assert closed == [True]
