"""MyST blocks (directives, labels, numbered equations) as plain Markdown.

Only what the book uses has a plain form. Everything else is an error that names the page and
the line, so that no MyST can leak into a notebook unseen.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

import yaml
from myst import Block, Directive, read_blocks, read_directive
from myst_inline import Context, convert_inline
from myst_leaks import EVERYTHING, PASSED_ON, find_leak
from quiz import LETTERS, parse_quiz


def convert(text: str, line: int, context: Context) -> str:
    """Rewrite a piece of a MyST page as plain Markdown.

    Args:
        text: Source, such as one Markdown cell.
        line: Number of its first line in the page, counted from 1.
        context: The page and the book.

    Returns:
        Markdown that Colab, GitHub and Jupyter show.

    Raises:
        PageError: If a directive or role has no plain form, a fence is never closed, or MyST is
            left that plain Markdown does not have.
    """
    _check(text, line, PASSED_ON, context)
    plain = _converted(text, line, context)
    _check(plain, line, EVERYTHING, context)
    return plain


def _check(text: str, line: int, kinds: dict[str, str], context: Context) -> None:
    if leak := find_leak(text, kinds):
        at = leak[0] if kinds is PASSED_ON else 0
        raise context.error(line + at, f"a notebook can't show {leak[1]}")


def _converted(text: str, line: int, context: Context) -> str:
    lines = text.split("\n")
    out: list[str] = []
    done = 0
    for block in read_blocks(text):
        special = block.is_fence or block.is_formula or block.kind in ("code_block", *_GONE)
        if not special or block.start < done:
            continue
        out += _paragraphs(lines[done : block.start], line + done, context)
        converted = _special(block, lines[block.start : block.end], line + block.start, context)
        if converted is not None:
            out.append(converted)
        done = block.end
    out += _paragraphs(lines[done:], line + done, context)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip("\n")


def _paragraphs(lines: list[str], line: int, context: Context) -> list[str]:
    """Plain form of lines without fences and formulas, piece by piece between empty lines."""
    out: list[str] = []
    start = 0
    for end in range(len(lines) + 1):
        if end < len(lines) and lines[end].strip():
            if lines[end].lstrip().startswith("$$"):
                raise context.error(line + end, "the formula that starts with $$ is never closed")
            continue
        if start < end:
            out.append(convert_inline("\n".join(lines[start:end]), line + start, context))
        if end < len(lines):
            out.append("")
        start = end + 1
    return out


def _special(block: Block, lines: list[str], line: int, context: Context) -> str | None:
    """Plain form of a fence, formula, label or comment; None when nothing remains of it."""
    if block.is_formula:
        return _formula(block, lines, context)
    if block.kind == "code_block":
        return "\n".join(lines)
    if block.kind in _GONE:
        if block.kind == "myst_target" and re.search(r"[^\w.:-]", block.content):
            problem = f"the label {block.content!r} has other characters than letters, digits, .:-_"
            raise context.error(line, problem)
        return None
    if len(lines) < 2 or not lines[-1].strip(" >").startswith(block.markup):
        opening = f"{block.markup}{block.info}"
        raise context.error(line, f"the fence {opening!r} is never closed")
    try:
        directive = read_directive(block, line)
    except yaml.YAMLError as error:
        raise context.error(line, f"the options between --- lines are not YAML: {error}") from error
    if directive is None:
        if block.kind == "colon_fence":
            raise context.error(line, f"a colon fence needs a directive: {lines[0].strip()!r}")
        return "\n".join(lines)
    renderer = RENDERERS.get(directive.name)
    if renderer is None:
        known = ", ".join(sorted(RENDERERS))
        problem = f"unknown directive {{{directive.name}}}; a notebook can show: {known}"
        raise context.error(line, problem)
    return _indented(renderer(directive, context), lines[0].partition(block.markup)[0])


def _indented(text: str, first: str) -> str:
    """Put what a block becomes where the block stood.

    Args:
        text: Its plain form.
        first: What stands before the block in its first line: in a list perhaps the bullet, in a
            quotation the mark ``>``.
    """
    others = first if not first.strip(" >") else " " * len(first)
    head, *rest = text.split("\n")
    return "\n".join([first + head, *(others + part if part else others.rstrip() for part in rest)])


def _formula(block: Block, lines: list[str], context: Context) -> str:
    if block.kind == "math_block":
        return "\n".join(lines)
    body = textwrap.dedent(block.content.strip("\n")).strip()
    return _indented(_display_math(body, block.info, context), lines[0].partition("$$")[0])


def _display_math(body: str, label: str | None, context: Context) -> str:
    tag = ""
    if label:
        tag = f" \\tag{{{context.references.equations[label].title.strip('()')}}}"
    return f"$$\n{body}{tag}\n$$"


def _inner(directive: Directive, context: Context) -> str:
    return convert("\n".join(directive.body), directive.body_line, context)


def _title(directive: Directive, context: Context) -> str:
    return convert_inline(directive.argument, directive.line, context)


def _quoted(head: str, text: str) -> str:
    body = "".join(f"\n> {part}".rstrip() for part in text.split("\n")) if text else ""
    return f"> **{head}**" + (f"\n>{body}" if body else "")


def _admonition(directive: Directive, context: Context) -> str:
    if directive.name == "admonition":
        return _quoted(_title(directive, context), _inner(directive, context))
    text = "\n\n".join(filter(None, [_title(directive, context), _inner(directive, context)]))
    return _quoted(directive.name.capitalize(), text)


def _picture(directive: Directive, context: Context) -> str:
    alt = directive.options.get("alt")
    if not alt:
        raise context.error(directive.line, f"{{{directive.name}}} needs an :alt: text")
    caption = _inner(directive, context)
    return f"![{alt}]({context.picture(directive.argument)})" + (
        f"\n\n*{caption}*" if caption else ""
    )


def _diagram(directive: Directive, context: Context) -> str:
    alt = directive.options.get("alt")
    if not alt:
        raise context.error(directive.line, "{dot} needs an :alt: text")
    return f"> *Diagram, drawn on the {_web_page(context)}:* {alt}"


def _tensor(directive: Directive, context: Context) -> str:
    alt, caption = directive.options.get("alt"), directive.options.get("caption")
    if not (alt and caption):
        raise context.error(directive.line, "{tensor} needs an :alt: text and a :caption:")
    return f"![{alt}]({context.tensor(directive.argument)})\n\n*{caption}*"


def _web_page(context: Context) -> str:
    return f"[web page]({context.address(context.references.pages[context.page].url)})"


def _live(directive: Directive, context: Context) -> str:
    return _quoted(f"Interactive on the {_web_page(context)}", _inner(directive, context))


def _math(directive: Directive, context: Context) -> str:
    body = "\n".join(filter(None, [directive.argument, *directive.body])).strip()
    return _display_math(body, directive.options.get("label"), context)


def _table(directive: Directive, context: Context) -> str:
    title = _title(directive, context)
    return (f"**{title}**\n\n" if title else "") + _inner(directive, context)


def _list_table(directive: Directive, context: Context) -> str:
    text = "\n".join(directive.body)
    rows = [_list_row(part) for part in re.split(r"^\* ", text, flags=re.MULTILINE) if part.strip()]
    if len({len(row) for row in rows}) != 1:
        raise context.error(directive.line, "the rows of this list-table differ in length")
    if directive.options.get("header-rows", "0") == "0":
        rows.insert(0, [""] * len(rows[0]))
    cells = [[convert_inline(cell, directive.line, context) for cell in row] for row in rows]
    table = ["| " + " | ".join(row) + " |" for row in cells]
    table.insert(1, "|" + " --- |" * len(rows[0]))
    title = _title(directive, context)
    return (f"**{title}**\n\n" if title else "") + "\n".join(table)


def _list_row(text: str) -> list[str]:
    cells = re.split(r"^ *- ?", text, flags=re.MULTILINE)[1:]
    return [" ".join(cell.split()).replace("|", "\\|") for cell in cells]


def _glossary(directive: Directive, context: Context) -> str:
    out = []
    for number, part in enumerate(directive.body):
        text = convert_inline(part.strip(), directive.body_line + number, context)
        out.append(f"**{text}**" if part.strip() and not part.startswith(" ") else text)
    return "\n".join(out)


def _code(directive: Directive, context: Context) -> str:
    caption = directive.options.get("caption")
    code = "\n".join([f"```{directive.argument}", *directive.body, "```"])
    return f"*{caption}*\n\n{code}" if caption else code


def _folded(directive: Directive, context: Context) -> str:
    if "site-only" in directive.options.get("class-container", ""):
        return ""
    head, inner = _title(directive, context) or "More", _inner(directive, context)
    return f"<details><summary>{head}</summary>\n\n{inner}\n\n</details>"


def _tabs(directive: Directive, context: Context) -> str:
    return _inner(directive, context)


def _tab(directive: Directive, context: Context) -> str:
    return f"**{_title(directive, context)}**\n\n{_inner(directive, context)}"


def _quiz(directive: Directive, context: Context) -> str:
    try:
        quiz = parse_quiz(directive.argument, directive.body)
    except ValueError as error:
        raise context.error(directive.line, str(error)) from error

    def plain(text: str) -> str:
        return convert(text, directive.body_line, context)

    options, answers = [], []
    for letter, option in zip(LETTERS, quiz.options, strict=False):
        options.append(f"- **{letter}**: {plain(option.text)}")
        state = "right" if option.right else "wrong"
        answers.append(f"- **{letter}** is {state}. {plain(option.why)}")
    head = "Question (several may hold)" if quiz.several else "Question"
    return (
        f"**{head}**: {plain(quiz.question)}\n\n"
        + "\n".join(options)
        + "\n\n<details><summary>Answer</summary>\n\n"
        + "\n".join(answers)
        + "\n\n</details>"
    )


def _nothing(directive: Directive, context: Context) -> str:
    return ""


_GONE = ("myst_target", "myst_line_comment")
RENDERERS: dict[str, Callable[[Directive, Context], str]] = {
    **dict.fromkeys(("note", "tip", "warning", "important", "admonition"), _admonition),
    **dict.fromkeys(("figure", "image"), _picture),
    "bibliography": _nothing,
    "code-block": _code,
    "dot": _diagram,
    "dropdown": _folded,
    "glossary": _glossary,
    "list-table": _list_table,
    "live": _live,
    "math": _math,
    "quiz": _quiz,
    "tab-item": _tab,
    "tab-set": _tabs,
    "table": _table,
    "tensor": _tensor,
}
