"""What holds for the text of every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "book").glob("*/*.md"), ROOT / "index.md"])
LEFT_OVER = re.compile(
    r"^[A-Z]{3,}(-[A-Z]{3,})+$|\b(TODO|FIXME|TBD|PLACEHOLDER|lorem ipsum)\b", re.MULTILINE
)


def left_over(text: str) -> list[str]:
    """Return what looks like a mark that an author meant to replace."""
    return [match[0] for match in LEFT_OVER.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_has_a_mark_left_to_replace(page: Path) -> None:
    assert left_over(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["a\n\nRANK-PROSE\n\nb", "a TODO b", "# PLACEHOLDER x"])
def test_a_mark_is_found(text: str) -> None:
    assert left_over(text)


@pytest.mark.parametrize("text", ["LoRA saves memory.", "RMSNorm", "`A -> B`", "PPO\n  A method."])
def test_words_of_the_field_are_no_marks(text: str) -> None:
    assert left_over(text) == []


def wide_lines(text: str) -> list[str]:
    """Return the lines of code cells that a page of 80 columns would cut."""
    cells = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    options = re.compile(r"\A(?:---\n.*?^---\n|(?::[\w-]+:[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
    code = "".join(options.sub("", cell) for cell in cells)
    return [line for line in code.splitlines() if len(line) > 80]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_has_at_most_80_columns(page: Path) -> None:
    assert wide_lines(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("options", ["", ":tags: [hide-input]\n", f"---\nalt: {'a' * 90}\n---\n"])
def test_a_wide_line_is_found_and_options_are_no_code(options: str) -> None:
    wide = "x = " + "1" * 77

    found = wide_lines(f"A text.\n\n```{{code-cell}} ipython3\n{options}x = 2\n{wide}\n```\n")

    assert found == [wide]
