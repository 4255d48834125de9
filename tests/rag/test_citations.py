"""Citations of passages, in a whole answer and in one that is still being written."""

import time
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.rag.citations import cited, in_parentheses, known_citations, known_only
from companion.reasoning import TakenBack

SIGNS = st.lists(
    st.sampled_from(
        ["[1]", "[7]", " [1, 9]", "a[0]", "[", "]", "2", ",", " ", "\n", "x", ".", "`", "\n```\n",
         "【9】", "^", "[Doc ", "†", "(", "=", ":", "- "]
    ),
    max_size=12,
)  # fmt: skip

CODE = "```python\nnums = [3, 1, 2]\nprint(nums)  # [1, 2, 3]\n```"
NO_CITATIONS = [
    CODE,
    f"1. Write:\n\n   {CODE.replace(chr(10), chr(10) + '   ')}\n",
    "> ~~~\n> see [9]\n> ~~~",
    "~~~\n```\n[9]\n~~~",
    "Take `b[7]` or ` [8]` here.",
    "x = [9]\ny = [1, 2, 30]",
    'JSON: {"ids": [4, 5]}',
    "arr[[4]] f([5]) and m[7][8]",
    'f(x)[9], "ab"[7]',
    "An interval [0, 5], $[3, 7]$ and x \\in [3, 7].",
    "In [2024], [1984-1990], [4-3] and [12345678901]:",
    "- [9] todo\n* [8] do",
    "[9]: http://x\nsee [a][9]",
    "a link [9](http://x)",
    "    [9] is indented",
    "[not sure] [9a] [] [sic, 9 times]",
]
FORMS = ["[9]", "【9】", "[^9]", "[Doc 9]", "[document 9]", "[9†source]", "【9†a.txt】", "[[9]]",
         "[Passage #9]", "[9, 9]", "[8-9]", "[Source 8, Source 9]"]  # fmt: skip


def streamed(pieces: list[str]) -> Generator[str, None, None]:
    yield from pieces


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bern [1]. Old [1, 7]. [9]", "Bern [1]. Old [1]."),
        ("See a[0] and b[9].", "See a[0] and b[9]."),
        ("a b [9] c[9]", "a b c[9]"),
        ("[8][9]", ""),
        (
            "- Bern:\n    - is old [9]\n    1. is old [1]",
            "- Bern:\n    - is old\n    1. is old [1]",
        ),
        ("Bern [1-3], [Doc 1, Doc 9] 【2】【9】.", "Bern [1, 2], [1] 【2】."),
        ("| a | [1] |\n> Bern ([2]) **x** [9]", "| a | [1] |\n> Bern ([2]) **x**"),
        (f"{CODE}\nSo. [9]\n\n`[9]`, [9]", f"{CODE}\nSo.\n\n`[9]`,"),
        ("An apostrophe's ` alone [9]\nand [9]", "An apostrophe's ` alone\nand"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_citations_of_no_passage_are_taken_out(text: str, shown: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    assert known_only(text, 2) == shown
    assert "".join(known_citations(streamed(pieces), 2)) == shown


@given(SIGNS)
def test_a_stream_shows_what_the_whole_answer_has(pieces: list[str]) -> None:
    assert "".join(known_citations(streamed(pieces), 2)) == known_only("".join(pieces), 2)


def test_a_long_answer_costs_no_more_per_word() -> None:
    began = time.process_time()
    shown = "".join(known_citations(streamed(["word "] * 10_000), 2))

    assert len(shown) == 50_000
    assert time.process_time() - began < 3


def test_what_is_taken_back_leaves_no_half_citation() -> None:
    pieces = list(known_citations(streamed(["No [", TakenBack(), "It is. [1]"]), 1))

    assert "".join(pieces) == "NoIt is. [1]"
    assert isinstance(pieces[1], TakenBack)


@pytest.mark.parametrize("text", NO_CITATIONS)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_what_is_written_for_something_else_stays_and_is_not_invented(text: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    assert known_only(text, 1) == text
    assert "".join(known_citations(streamed(pieces), 1)) == text
    assert cited(text, 1)[1] == []


def test_code_cites_nothing() -> None:
    assert cited(f"{CODE} `a[1]` x = [1]", 3) == ([], [])


@pytest.mark.parametrize("mark", FORMS)
def test_an_invented_citation_is_found_in_every_form(mark: str) -> None:
    known, invented = cited(f"Bern is old {mark}.", 2)

    assert (known, invented[-1]) == ([], 9)
    assert known_only(f"Bern is old {mark}.", 2) == "Bern is old."
    assert cited(f"Bern is old {mark}.", 9)[0][-1] == 9


@pytest.mark.parametrize("mark", ["【9】", "[^9]", "[Doc 9]", "[9†source]"])
def test_a_mark_that_is_no_index_may_stand_directly_behind_a_word(mark: str) -> None:
    assert cited(f"Bern{mark}.", 2) == ([], [9])


def test_in_doubt_a_number_names_its_passage_and_never_accuses() -> None:
    text = "Bern[1]. Oslo[2][7], see row[9].\n- [1] a.txt"

    assert cited(text, 2) == ([1, 2], [])
    assert known_only(text, 2) == text


def test_numbers_count_from_one_and_go_as_far_as_there_are_passages() -> None:
    assert cited("Bern [0]. Old [0, 1], [100], [120].", 5) == ([], [0])
    assert cited("Bern [100].", 120) == ([100], [])


def test_an_answer_that_goes_on_in_code_stays_code() -> None:
    pieces = known_citations(streamed(["y = a, [9]\n", "```\n", "So [9]."]), 1, "So:\n```\n")

    assert "".join(pieces) == "y = a, [9]\n```\nSo."


@pytest.mark.parametrize("text", ["`a` [9] ", "```\nx [9]\n", "x = [9]\n", "[9]", "\n", "[1, "])
def test_a_model_in_a_loop_takes_no_longer_further_on(text: str) -> None:
    began = time.process_time()
    for _ in known_citations(streamed([text] * 8_000), 2):
        pass

    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("[2] Bo sings. [3][4] As [5, 6] says.", "(2) Bo sings. (3)(4) As (5, 6) says."),
        ("【2】 Bo, [Doc 3] and [^4].", "(2) Bo, (Doc 3) and (^4)."),
        ("x = [3, 1, 2]; row[7], m[1][2], since [2024]", None),
        ("``` [2] Bo sings. ```", "``` (2) Bo sings. ```"),
    ],
)
def test_a_passage_loses_what_could_be_a_number_of_ours(text: str, written: str | None) -> None:
    assert in_parentheses(text) == (written or text)
