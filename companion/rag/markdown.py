"""Markdown as prose: read by markdown-it-py as HTML, and then as any other HTML.

Understands CommonMark with tables, definition lists, footnotes and formulas, and what MyST and
jupytext add: front matter, ``{code-cell}`` and other directives, roles such as
``{term}`token` ``, labels, comments and cell breaks. The text of a note stays, its fence goes.
Formulas stay as they are written.
"""

import re
import sys
from collections.abc import Sequence
from html import escape
from typing import Any

from companion._extras import require
from companion.errors import DocumentError
from companion.rag.sections import Section
from companion.rag.web_page import BLOCKS, HEADINGS, UNREAD, html_sections

DIRECTIVE = re.compile(r"\{([\w:.+-]+)[^{}]*\}[ \t]*(.*)", re.DOTALL)
TAG = re.compile(r"</?([a-zA-Z][\w-]*)")
# fmt: off
CODE = frozenset({
    "code-cell", "code", "code-block", "literalinclude", "sourcecode", "parsed-literal",
    "r", "python", "julia", "sql", "bash", "sh",  # R Markdown
})
HIDDEN = frozenset({
    "toctree", "dot", "graphviz", "mermaid", "raw", "bibliography", "live", "widget", "include",
    "tableofcontents", "eval-rst",
})
UNTITLED = frozenset({
    "figure", "image", "table", "list-table", "glossary", "exercise", "solution",
})
"""Directives whose argument is a path or a name, not a sentence."""
INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "img", "input", "ins", "kbd", "label", "mark", "meter", "output", "picture",
    "progress", "q", "ruby", "s", "samp", "small", "source", "span", "strike", "strong", "sub",
    "sup", "time", "tt", "u", "var", "wbr",
})
# fmt: on


def markdown_sections(text: str, name: str = "text", *, code: bool = False) -> list[Section]:
    r"""Cut Markdown at its headings and take the marks away.

    Args:
        text: The file's text, with ``\n`` as line break.
        name: Name of the file, for messages.
        code: Keep blocks of program code.

    Returns:
        The sections. Their title is the first heading of level 1, else the front matter's
        ``title``, else empty.

    Raises:
        DocumentError: If blocks are nested too deeply.

    Example:
        >>> markdown_sections("# Trees\n\nAn *oak* is a {term}`tree`.\n\n```\n1 + 1\n```")
        [Section(text='An oak is a tree.', title='Trees', heading='Trees', ...)]
    """
    title, html = markdown_html(text, name)
    return html_sections(html, name, default_title=title, code=code)


def markdown_html(text: str, name: str) -> tuple[str, str]:
    """Return the title of the front matter, and the text as HTML for `html_sections`."""
    parser = _parser()
    env: dict[str, Any] = {}
    try:
        tokens = parser.parse(text, env)
        front = _front_matter(tokens)
        if front is None:  # two rules that look like it
            tokens = parser.disable("front_matter").parse(text, env)
        front = front or {}
        if {"jupytext", "kernelspec", "myst"} & set(front) or _has_directive(tokens):
            parser.enable(["myst_line_comment", "myst_block_break", "myst_target"])
            tokens = parser.parse(text, env)
        html = parser.renderer.render(tokens, parser.options, env)
    except RecursionError as error:
        raise DocumentError(f"{name} has blocks that are nested too deeply") from error
    return str(front.get("title") or ""), html


def _parser() -> Any:
    """Return a parser; the blocks of MyST are there and switched off.

    The standard's parser leaves out what is nested deeper than 20 blocks, without a word. This one
    goes on until Python's stack ends, which is an error.
    """
    markdown_it = require("markdown_it", extra="rag")
    parser = markdown_it.MarkdownIt("commonmark", {"maxNesting": sys.maxsize}).enable(
        ["table", "strikethrough"]
    )
    for plugin in ("front_matter", "colon_fence", "deflist", "myst_role"):
        parser.use(getattr(require(f"mdit_py_plugins.{plugin}", extra="rag"), f"{plugin}_plugin"))
    dollars = require("mdit_py_plugins.dollarmath", extra="rag").dollarmath_plugin
    parser.use(
        dollars, allow_space=False, allow_digits=False, double_inline=True, allow_blank_lines=False
    )
    footnotes = require("mdit_py_plugins.footnote", extra="rag").footnote_plugin
    parser.use(footnotes, inline=False, move_to_end=False)
    parser.use(require("mdit_py_plugins.myst_blocks", extra="rag").myst_block_plugin)
    parser.disable(["myst_line_comment", "myst_block_break", "myst_target"])
    rules = {
        **dict.fromkeys(("fence", "colon_fence"), _fence),
        **dict.fromkeys(("math_block", "math_block_label"), _formula),
        **dict.fromkeys(("math_inline", "math_inline_double"), _inline_formula),
        **dict.fromkeys(("front_matter", "myst_line_comment", "myst_target"), _nothing),
        **dict.fromkeys(("footnote_ref", "footnote_anchor"), _nothing),
        **dict.fromkeys(("footnote_reference_open", "footnote_reference_close"), _rule),
        "myst_block_break": _rule,
        "myst_role": _role,
        "html_inline": _inline_html,
        "list_item_open": _item,
    }
    for kind, rule in rules.items():
        parser.add_render_rule(kind, _method(rule, parser))
    return parser


def _method(rule: Any, parser: Any) -> Any:
    """Give a rule the form that the renderer calls."""

    def method(renderer: Any, tokens: Sequence[Any], at: int, options: Any, env: Any) -> str:
        return rule(tokens[at], parser, env)

    return method


def _front_matter(tokens: Sequence[Any]) -> dict[str, Any] | None:
    """Return the values at the head of the file; None if there are none."""
    if not tokens or tokens[0].type != "front_matter":
        return {}
    yaml = require("yaml", extra="rag")
    try:
        values = yaml.safe_load(tokens[0].content)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}  # not right, but meant as such
    return values if isinstance(values, dict) else None


def _has_directive(tokens: Sequence[Any]) -> bool:
    fences = (token for token in tokens if token.type in ("fence", "colon_fence"))
    return any(DIRECTIVE.match(token.info.strip()) for token in fences)


def _fence(token: Any, parser: Any, env: Any) -> str:
    """Render a fenced block: program code, or a directive, whose text is Markdown again."""
    directive = DIRECTIVE.match(token.info.strip())
    name = directive[1] if directive else ""
    if name in CODE or (not directive and token.type == "fence"):
        return f"<pre>{escape(token.content)}</pre>"
    if name in HIDDEN:
        return ""
    body = _without_options(token.content) if directive else token.content
    if name == "math":
        return f'<pre class="prose">{escape(body)}</pre>'
    argument = directive[2].strip() if directive and name not in UNTITLED else ""
    title = f"<p>{parser.renderInline(argument, env)}</p>" if argument else ""
    return f"{title}<div>{parser.render(body, env)}</div>"


def _without_options(body: str) -> str:
    """Leave out the options of a directive: lines ``:key: value``, or a block of YAML."""
    lines = body.split("\n")
    if lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:]):
        end = next(at for at, line in enumerate(lines) if at and line.strip() == "---")
        return "\n".join(lines[end + 1 :])
    first = next((at for at, line in enumerate(lines) if not line.lstrip().startswith(":")), None)
    return "" if first is None else "\n".join(lines[first:])


def _formula(token: Any, parser: Any, env: Any) -> str:
    return f'<pre class="prose">$${escape(token.content)}$$</pre>'


def _inline_formula(token: Any, parser: Any, env: Any) -> str:
    formula = escape(f"{token.markup}{token.content}{token.markup}")
    if "\n" in token.content and token.markup == "$$":
        return f"<br>{formula.replace(chr(10), '<br>')}<br>"
    return formula


def _item(token: Any, parser: Any, env: Any) -> str:
    """Keep the number that the author wrote."""
    return f'<li value="{token.info}">' if token.info else "<li>"


def _role(token: Any, parser: Any, env: Any) -> str:
    """Render a role: a citation goes, of the others the text stays, without its target."""
    name = token.meta["name"]
    if name.partition(":")[0] == "cite":
        return ""
    if name == "math":
        return escape(f"${token.content}$")
    return escape(re.sub(r"\s*<[^<>]*>$", "", token.content))


def _inline_html(token: Any, parser: Any, env: Any) -> str:
    """Keep a tag of HTML, and ``<your name>`` as the text that it is."""
    tag = TAG.match(token.content)
    known = not tag or tag[1].lower() in BLOCKS | INLINE | UNREAD | set(HEADINGS)
    return token.content if known else escape(token.content)


def _nothing(token: Any, parser: Any, env: Any) -> str:
    return ""


def _rule(token: Any, parser: Any, env: Any) -> str:
    return "<hr>"
