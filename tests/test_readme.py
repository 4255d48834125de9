"""The README's examples run, and print what the comments below them say."""

import contextlib
import io
import re
import runpy
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

README = Path(__file__).parents[1] / "README.md"


def examples() -> dict[str, str]:
    """Return the Python of "Use the package", each block under the bold words before it."""
    blocks, heading, title = {}, "", ""
    for token in MarkdownIt().parse(README.read_text(encoding="utf-8")):
        if token.type == "inline" and token.content == "Use the package":
            heading = token.content
        elif token.type == "heading_open":
            heading = ""
        elif heading and token.type == "inline" and token.content.startswith("**"):
            title = token.content.split("**")[1].split(",")[0].rstrip(".")
        elif heading and token.type == "fence" and token.info == "python":
            blocks[title] = token.content
    return blocks


def printed(code: str, folder: Path) -> list[str]:
    """Return the lines that a program prints."""
    program = folder / "example.py"
    program.write_text(code, encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(str(program))
    return out.getvalue().splitlines()


def promised(code: str) -> list[str]:
    """Return the lines of a program's output, which its last comments hold."""
    return [line[2:] for line in code.splitlines() if line.startswith("# ")]


def test_it_shows_generation_documents_tools_and_a_chat_in_15_lines_each() -> None:
    lengths = {title: len(code.strip().splitlines()) for title, code in examples().items()}

    assert list(lengths) == ["Text from a model", "Answers from documents", "Tools", "A chat"]
    assert max(lengths.values()) <= 15


def test_the_model_writes_two_texts(tmp_path: Path) -> None:
    assert len(printed(examples()["Text from a model"], tmp_path)) >= 2


@pytest.mark.parametrize("title", ["Answers from documents", "Tools", "A chat"])
def test_an_example_prints_what_it_says(title: str, tmp_path: Path) -> None:
    code = examples()[title]

    assert promised(code)
    assert printed(code, tmp_path) == promised(code)


def test_it_is_short_and_its_links_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|\.\./)([^)#]+)", text)

    assert len(text.splitlines()) <= 150
    assert len(links) > 15
    assert [link for link in links if not (README.parent / link).exists()] == []
