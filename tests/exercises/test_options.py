"""Options are read in one way, from pages and from the catalog."""

import pytest

from companion.exercises.options import LETTERS, Option, read_options

OPTIONS = """\
Which?

- [ ] None
  of them.

  It *is* one.

  More on that.
- [x] The first.

  So it is.
- [ ] The last.

  It is not."""


def options(count, mark="x"):
    return [line for n in range(count) for line in (f"- [{mark}] {n}", "", f"  It is {n}.")]


def test_options_know_their_text_their_explanation_and_their_place():
    assert read_options(OPTIONS.splitlines(), "q") == [
        Option("None\nof them.", right=False, why="It *is* one.\n\nMore on that.", line=2),
        Option("The first.", right=True, why="So it is.", line=8),
        Option("The last.", right=False, why="It is not.", line=11),
    ]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (options(2), "q: 2 options .* at least 3 are needed, and at most 8"),
        (options(len(LETTERS) + 1), "q: 9 options"),
        ([], "q: 0 options"),
        (options(3, " "), r"q: no option is marked as right with \[x\]"),
        ([*options(3), "stray"], "q: indent this line by two spaces: 'stray'"),
        ([*options(3), "- [ ] Bare."], "q: the option 'Bare.' has no explanation below it"),
    ],
)
def test_what_is_wrong_with_options_is_said(lines, says):
    with pytest.raises(ValueError, match=says):
        read_options(lines, "q")


def test_as_many_options_as_letters_are_read():
    assert len(read_options(options(len(LETTERS)), "q")) == len(LETTERS)
