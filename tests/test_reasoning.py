"""Reasoning is kept apart from the answer, in a whole turn and in a stream."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.backends.backend import Written
from companion.reasoning import (
    MOST_DOUBTS,
    Reasoning,
    keep_apart,
    opening_mark,
    split_reasoning,
)


def answer_text(pieces: list) -> str:
    written = Written()
    for piece in pieces:
        written.add(piece)
    return written.text


CASES = {
    "no reasoning": ("It is 42.", "", "It is 42."),
    "blanks are kept": ("\n It is 42.\n", "", "\n It is 42.\n"),
    "both marks": ("<think>\nHm.\n</think>\n\nIt is 42.", "Hm.", "It is 42."),
    "blanks before": ("\n\n<think>Hm.</think>42", "Hm.", "42"),
    "closing mark only": ("Hm. 41?\nNo.\n</think>\n\n42", "Hm. 41?\nNo.", "42"),
    "never closed": ("<think>\nHm. 41?", "Hm. 41?", ""),
    "one after the other": ("<think>a</think><think>b</think>c", "a\nb", "c"),
    "in between": ("<think>a</think>\nb\n<think>c</think>\nd", "a\nc", "b\nd"),
    "words before it": ("I look.\n<think>\nHm.\n</think>\n\n42", "Hm.", "I look.\n42"),
    "closed behind a sentence": ("Hm. 41? No.</think>It is 42.", "Hm. 41? No.", "It is 42."),
    "closed before an empty line": ("Hm</think>\n\n42", "Hm", "42"),
    "closed, then cut": ("Hm</think>", "Hm", ""),
    "again, not closed": ("<think>a</think>\nb\n<think>c", "a\nc", "b"),
    "nothing reasoned": ("<think>\n\n</think>\n\n42", "", "42"),
    "other words": ("<thinking>Hm.</thinking>42", "Hm.", "42"),
    "Magistral": ("[THINK]Hm.[/THINK]42", "Hm.", "42"),
    "a word about the mark": ("The mark <think> begins it.", "", "The mark <think> begins it."),
    "marks as code": ("`<think>` and `</think>`", "", "`<think>` and `</think>`"),
}


TEMPLATE = "```\n<thinking>\nSteps.\n</thinking>\n<answer>\n```"
SPOKEN_OF = [
    'The stop strings are "</think>" and "x".',
    "The stop strings are '</think>' and “</think>”.",
    "To split it:\n```python\nparts = text.split('</think>')\n```\nDone.",
    "To split it, write: ```python parts = text.split('</think>')```",
    f"Take this:\n{TEMPLATE}\nGood.",
    f"Take this:\n{TEMPLATE[:-4]}",
    "Take this:\n\n    <think>\n    Steps.\n    </think>\n\nGood.",
    "As so:\n\n  <think>\n  Steps, and no end",
    "1. ~~~text\n   <think>\n   </think>\n   ~~~\n2. Good.",
    "> <think>\n> </think>\n\nGood.",
    "Write `<think>Hm.</think>` first.",
    "It looks so: <think>Hm.</think>42",
    "It is between <think> and </think>, as in R1.",
    "It ends with </think>.",
    "It ends with </think>\n\nThen the answer comes.",
    "The marks:\n<think> begins it\n</think> ends it\nGood.",
    "Put them so:\n<think>...</think>\nGood.",
    "```xml\n<think>\n```\n\n```xml\n</think>\n```",
]


@pytest.mark.parametrize("text", SPOKEN_OF)
def test_an_answer_may_speak_of_the_marks(text: str) -> None:
    assert split_reasoning(text) == ("", text)
    assert split_reasoning(f"<think>\nHm.\n</think>\n\n{text}") == ("Hm.", text.strip())
    assert split_reasoning(f"Hm.\n</think>\n\n{text}") == ("Hm.", text.strip())


@pytest.mark.parametrize(
    ("reasoning", "end"),
    [
        ("I could write `</think>` here.", ""),
        ('Perhaps "<think>Hm</think>"? No.', ""),
        ("So:\n```\n<answer>\n</think>\n```\nGood.", "\n"),
        ('He says "hm', ""),  # its end is missing, and so it is in these
        ("So:\n```\nx = 1", "\n"),
    ],
)
def test_reasoning_may_speak_of_its_end(reasoning: str, end: str) -> None:
    answer = 'It is "42".\n```python\n42\n```'

    found, said = split_reasoning(f"<think>{reasoning}{end}</think>{end}{end}{answer}")

    assert said == answer
    assert "answer" in found or found == reasoning


def test_reasoning_that_is_cut_has_not_ended_where_it_speaks_of_its_end() -> None:
    spoken = ["I could write `</think>` and", "So:\n```\n</think>\n42\n```\nor"]

    assert [split_reasoning(f"<think>{one}")[1] for one in spoken] == ["", ""]


@pytest.mark.parametrize(("text", "reasoning", "answer"), CASES.values(), ids=list(CASES))
def test_reasoning_and_answer_by_hand(text: str, reasoning: str, answer: str) -> None:
    assert split_reasoning(text) == (reasoning, answer)


@pytest.mark.parametrize(("text", "reasoning", "answer"), CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_stream_gives_the_same(text: str, reasoning: str, answer: str, size: int) -> None:
    pieces = list(keep_apart(text[at : at + size] for at in range(0, len(text), size)))

    assert answer_text(pieces).strip() == answer.strip()
    thought = "".join(one.text for one in pieces if isinstance(one, Reasoning))
    assert bool(thought) == bool(reasoning)


def test_an_answer_that_speaks_of_the_marks_comes_while_it_is_written() -> None:
    pieces = ["Write `", "<think>", "`, and ", "</think>", " at", " the end."]

    assert list(keep_apart(pieces)) == pieces


def test_an_answer_comes_while_it_is_written() -> None:
    assert list(keep_apart(["Good", " day", " to", " you."])) == ["Good", " day", " to", " you."]


def test_nothing_of_reasoning_is_shown_if_it_is_opened() -> None:
    pieces = ["<th", "ink>\n41?", " No.\n</", "think>\n", "\nIt", " is 42."]

    assert list(keep_apart(pieces)) == [Reasoning("41? No."), "It", " is 42."]


def test_what_was_shown_is_taken_back_if_only_the_end_is_marked() -> None:
    pieces = list(keep_apart(["41?", " No.", "\n</think>\n\n", "42"]))

    assert pieces == ["41?", " No.", Reasoning("41? No.", takes_back=True), "42"] or pieces == [
        "41?",
        " No.",
        "\n",
        Reasoning("41? No.", takes_back=True),
        "42",
    ]
    assert answer_text(pieces) == "42"


def test_a_prompt_can_open_the_reasoning() -> None:
    begun = opening_mark("<s>assistant\n<think>\n")

    assert begun == "<think>"
    assert list(keep_apart(["41?", "</think>", "42"], begun)) == [Reasoning("41?"), "42"]
    assert list(keep_apart(["41?"], begun)) == [Reasoning("41?")]
    assert opening_mark("<s>assistant\n<think>\n\n</think>\n\n") == ""
    assert opening_mark("What does <think> mean?") == ""


def test_other_pieces_pass() -> None:
    calls = [{"id": "a"}]

    assert list(keep_apart(["<think>Hm.</think>", "42", calls])) == [Reasoning("Hm."), "42", calls]


def test_closing_the_stream_closes_the_source() -> None:
    closed = []

    def source():
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    pieces = keep_apart(source())
    next(pieces)
    pieces.close()

    assert closed


BITS = ["<think>", "</think>", "\n", "a", "`", "b ", "</think", "```", "\n```\n", '"', ".", "    "]


@given(st.lists(st.sampled_from(BITS), max_size=12), st.sampled_from(["", "<think>"]))
def test_any_stream_ends_with_the_answer_of_the_whole(pieces: list[str], begun: str) -> None:
    text = "".join(pieces)
    whole = list(keep_apart([text], begun))
    thoughts = [one for one in whole if isinstance(one, Reasoning)]

    for cut in (pieces, text):
        found = list(keep_apart(cut, begun))
        assert answer_text(found) == answer_text(whole)
        assert [one for one in found if isinstance(one, Reasoning)] == thoughts
    assert answer_text(whole).strip() == split_reasoning(begun + text)[1].strip()


def seconds(words: int) -> float:
    began = time.process_time()
    assert len(answer_text(list(keep_apart(["word "] * words)))) == 5 * words
    return time.process_time() - began


def test_a_long_answer_costs_no_more_per_word() -> None:
    assert seconds(16_000) < 8 * seconds(4_000) + 0.2


def test_long_reasoning_costs_no_more_per_word() -> None:
    began = time.process_time()
    pieces = list(keep_apart(["<think>\n", *["word "] * 20_000, "</think>", "42"]))

    assert [pieces[0].text[:5], *pieces[1:]] == ["word ", "42"]
    assert time.process_time() - began < 5


LOOPS = {
    "code": "<think>a " + "`</think>` " * 4_000,
    "quotations": "<think>a " + '"b </think> c" ' * 4_000,
    "begun": '<think>"a ' + "</think> " * 4_000,
    "begun and ended": '<think>"a ' + "</think> " * 4_000 + '"',
    "reasoning again": "<think>a " + '"b </think> c"\n<think>x ' * 1_000,
}


@pytest.mark.parametrize("text", LOOPS.values(), ids=list(LOOPS))
def test_a_model_in_a_loop_of_marks_costs_no_more_per_mark(text: str) -> None:
    began = time.process_time()
    split_reasoning(text)

    assert time.process_time() - began < 4


def test_reasoning_without_a_sure_end_is_read_again_a_few_times() -> None:
    again = '"b </think> c"\n<think>x '

    assert split_reasoning("<think>a " + again * 2 + "It is 42.")[1] == 'c"\nc"'
    assert split_reasoning("<think>a " + again * 20)[1].count("c") == MOST_DOUBTS


@pytest.mark.parametrize("first", ['<think>He says "</think> ', 'He says " and: no.</think> so '])
def test_an_open_quotation_holds_back_no_long_answer(first: str) -> None:
    pieces = list(keep_apart([first, *["word "] * 1_000]))

    assert answer_text(pieces).startswith(("word", "so word"))
    assert len(pieces) > 900
