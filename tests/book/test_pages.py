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
