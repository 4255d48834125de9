"""MyST as its own parser reads it: blocks with their lines, and marks within a text with places.

What is a fence, a formula, a code span or a role is decided by myst-parser and markdown-it, as on
the website. Here is only where each of them stands in the source.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

_CODE = ("code-cell", "code-block", "math", "dot", "glossary", "bibliography", "toctree")
"""Directives whose body is no Markdown."""


@dataclass(frozen=True)
class Block:
    """A block of a page; ``lines[start:end]`` are its lines.

    Attributes:
        kind: The token's type, such as ``"fence"``, ``"heading_open"`` or ``"myst_target"``.
        start: Index of its first line.
        end: Index after its last line.
        markup: What it begins with, such as three backticks.
        info: What stands behind that; of a formula its label.
        content: What stands inside.
    """

    kind: str
    start: int
    end: int
    markup: str
    info: str
    content: str

    @property
    def is_formula(self) -> bool:
        """Whether it is a formula between ``$$``."""
        return self.kind in ("math_block", "math_block_label")

    @property
    def is_title(self) -> bool:
        """Whether it is a heading of the first level."""
        return self.kind == "heading_open" and self.markup in ("#", "=")

    @property
    def is_fence(self) -> bool:
        """Whether it stands between backticks, tildes or colons."""
        return self.kind in ("fence", "colon_fence")


@dataclass
class Directive:
    """A fenced MyST directive; ``line`` and ``body_line`` count from 1."""

    name: str
    argument: str
    line: int
    body: list[str] = field(default_factory=list)
    body_line: int = 0
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """Something within a text that is not plain words; ``text[start:end]`` is its source.

    Attributes:
        kind: ``"myst_role"``, ``"link"``, ``"image"``, ``"backticks"`` or ``"math_inline"``.
        start: Index of its first character.
        end: Index after its last character.
        name: Of a role its name, of a link or picture the address.
        text: Of a role the content, of a link or picture the words.
    """

    kind: str
    start: int
    end: int
    name: str = ""
    text: str = ""


def read_blocks(text: str) -> Iterator[Block]:
    """The blocks of a text in their order, also those inside of lists and quotations."""
    tokens = _PARSER.parse(text)
    for at, token in enumerate(tokens):
        if token.map is not None and token.type != "inline":
            content = tokens[at + 1].content if token.type == "heading_open" else token.content
            yield Block(token.type, *token.map, token.markup, token.info.strip(), content)


def walk(text: str) -> Iterator[tuple[Block, Directive | None]]:
    """All blocks of a page with their directives, also those inside of directives."""
    for block in read_blocks(text):
        directive = read_directive(block, block.start + 1)
        yield block, directive
        if directive is not None and directive.name not in _CODE:
            yield from walk("\n".join(directive.body))


def read_directive(block: Block, line: int) -> Directive | None:
    """Read a directive, or return None if a block is none.

    Args:
        block: The block.
        line: Number of its first line in the page, counted from 1.

    Raises:
        yaml.YAMLError: If the options between ``---`` lines are not YAML.
    """
    name, brace, argument = block.info.removeprefix("{").partition("}")
    if not block.is_fence or not brace or not block.info.startswith("{"):
        return None
    directive = Directive(name, argument.strip(), line)
    body = textwrap.dedent(block.content).split("\n")[:-1]
    used = 0
    if body and body[0].strip() == "---":
        used = next((n for n in range(1, len(body)) if body[n].strip() == "---"), 0) + 1
        values = yaml.safe_load("\n".join(body[1 : used - 1])) or {}
        directive.options = {str(key): str(value) for key, value in values.items()}
    while used < len(body) and (option := _option(body[used])):
        directive.options |= option
        used += 1
    directive.body, directive.body_line = body[used:], line + 1 + used
    return directive


def _option(line: str) -> dict[str, str] | None:
    """Read ``:name: value``."""
    colon, name, value = [*line.split(":", 2), "", ""][:3]
    is_name = bool(name) and name.replace("-", "").isalnum()
    return {name: value.strip()} if line.count(":") > 1 and not colon and is_name else None


def read_marks(text: str) -> list[Mark]:
    """The outermost marks within a text without blocks, in their order."""
    marks: list[Mark] = []
    _PARSER.inline.parse(text, _PARSER, {"marks": marks}, [])
    outermost: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end)):
        if not outermost or mark.start >= outermost[-1].end:
            outermost.append(mark)
    return outermost


def _noted(kind: str, rule: Callable[..., bool]) -> Callable[..., bool]:
    """Let a rule of the parser note where it has found something."""

    def noted(state: StateInline, silent: bool) -> bool:
        start, known = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        if not silent and "marks" in state.env and len(state.tokens) > known:
            first = next(token for token in state.tokens[known:] if token.type != "text")
            name, words = _named(state, start, first)
            state.env["marks"].append(Mark(kind, start, state.pos, name, words))
        return True

    return noted


def _named(state: StateInline, start: int, token: Token) -> tuple[str, str]:
    """Name and words of what begins at ``start``."""
    if token.type == "myst_role":
        return token.meta["name"], token.content
    if token.type == "image":
        return str(token.attrs["src"]), token.content
    if token.type != "link_open":
        return "", ""
    end, state.pos = state.pos, start
    words = state.src[start + 1 : state.md.helpers.parseLinkLabel(state, start)]
    state.pos = end
    return str(token.attrs["href"]), words


def _parser() -> MarkdownIt:
    config = MdParserConfig(
        enable_extensions={"colon_fence", "dollarmath"},
        dmath_allow_space=False,
        dmath_allow_digits=False,
    )
    parser = create_md_parser(config, RendererHTML)
    rules: Any = parser.inline.ruler
    for rule in list(rules.__rules__):
        if rule.name in ("myst_role", "link", "image", "backticks", "math_inline"):
            rules.at(rule.name, _noted(rule.name, rule.fn))
    return parser


_PARSER = _parser()
