"""MyST that a notebook can't show: found by parsing, as the website does.

The website reads a page with the parser of MyST. Jupyter, Colab and GitHub read plain Markdown, and
show footnotes, attributes or substitutions as they stand. What only MyST knows is a token of its
parser that plain Markdown does not have. Extensions that the website leaves off are on here, since
they would show as text in both.
"""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

PASSED_ON = {
    "footnote_ref": "a footnote; put it into the text, in parentheses",
    "footnote_reference_open": "a footnote; put it into the text, in parentheses",
    "dl_open": "a definition list; use a list, or the {glossary} directive",
    "field_list_open": "a field list; use a list",
    "substitution_inline": "a substitution {{...}}; write its text",
    "substitution_block": "a substitution {{...}}; write its text",
    "span_open": "an attribute {...} of a text; leave it out",
    "math_inline_double": "a displayed formula inside of a paragraph; put it between empty lines",
    "front_matter": "front matter inside of the page",
}
"""Tokens that the conversion would hand on, and what to write instead."""

CONVERTED = {
    "myst_role": "a role that was not converted",
    "myst_target": "a label (...)= that was not converted; use letters, digits and .:-_",
    "myst_line_comment": "a comment % that was not converted",
    "myst_block_break": "a cell break +++",
    "colon_fence": "a colon fence that was not converted",
    "math_block_label": "a label of a formula that was not converted",
}
"""Tokens of which nothing may be left after the conversion."""

EVERYTHING = PASSED_ON | CONVERTED

_EXTENSIONS = {
    "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist",
    "substitution", "tasklist",
}  # fmt: skip
_ATTRIBUTE = "an attribute {...}; leave it out"
_TAKING_ATTRIBUTES = ("image", "link_close", "code_inline")
_PLAIN_ATTRIBUTES = {"href", "title", "src", "alt", "start", "style"}


class _EveryFootnote(dict):
    """Knows every footnote: its text may stand in another cell."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> int:
        return -1


def _parser(**options: bool) -> MarkdownIt:
    config = MdParserConfig(enable_extensions=_EXTENSIONS, **options)
    return create_md_parser(config, RendererHTML)


_LENIENT = _parser(dmath_allow_space=True, dmath_allow_digits=True, dmath_double_inline=True)
_STRICT = _parser(dmath_allow_space=False, dmath_allow_digits=False, dmath_double_inline=True)


def find_leak(text: str, kinds: dict[str, str] = PASSED_ON) -> tuple[int, str] | None:
    """The first thing in a text that plain Markdown does not have.

    Args:
        text: A piece of a page, before or after its conversion.
        kinds: What to look for: `PASSED_ON`, or `EVERYTHING` after the conversion.

    Returns:
        Line, counted from 0, and what it is; None if there is nothing.
    """
    sure = _formulas(text) if "$" in text else set()
    before = ""
    for line, token in _tokens(_LENIENT, text):
        if problem := kinds.get(token.type):
            return line, problem
        unread = before in _TAKING_ATTRIBUTES and token.content.startswith("{")
        before = token.type
        if unread or _attributes(token):
            return line, _attributes(token) or _ATTRIBUTE
        if token.type == "math_inline" and token.content not in sure:
            return line, "dollar signs that a notebook takes for a formula; write 5 dollars, or $x$"
        if kinds is EVERYTHING and token.type == "fence" and token.info.startswith("{"):
            return line, "a directive that was not converted"
    return None


def _attributes(token: Token) -> str | None:
    if "task-list" in str(token.attrs.get("class", "")):
        return "a task list - [ ]; use a list"
    if set(token.attrs) - _PLAIN_ATTRIBUTES and not token.type.startswith("myst_"):
        return _ATTRIBUTE
    return None


def _formulas(text: str) -> set[str]:
    """The formulas that nobody can take for prices."""
    return {token.content for _, token in _tokens(_STRICT, text) if token.type == "math_inline"}


def _tokens(parser: MarkdownIt, text: str) -> Iterator[tuple[int, Token]]:
    """All tokens, also those inside of paragraphs, with their lines."""
    line = 0
    environment = {"footnotes": {"refs": _EveryFootnote({":": -1})}}
    for token in parser.parse(text, environment):
        line = token.map[0] if token.map else line
        yield line, token
        here = line
        for child in token.children or ():
            yield here, child
            here += child.type in ("softbreak", "hardbreak")
