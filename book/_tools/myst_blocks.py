"""MyST blocks (directives, labels, numbered equations) as plain Markdown.

Only what the book uses has a plain form. Everything else is an error that names the page and
the line, so that no MyST can leak into a notebook unseen.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml
from myst_inline import Context, convert_inline
from myst_leaks import EVERYTHING, PASSED_ON, find_leak
from quiz import LETTERS, parse_quiz

_FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>[^`]*)$")
_DIRECTIVE_INFO = re.compile(r"^\{(?P<name>[^}]*)\}\s*(?P<argument>.*?)\s*$")
_TARGET = re.compile(r"^\([\w.:-]+\)=\s*$")
_COMMENT = re.compile(r"^%")
_MATH = re.compile(r"^\s*\$\$")
_MATH_LABEL = re.compile(r"\$\$\s*\((?P<label>[\w.:-]+)\)\s*$")


@dataclass
class Directive:
    """A fenced MyST directive; ``line`` and ``body_line`` count from 1."""

    name: str
    argument: str
    line: int
    body: list[str] = field(default_factory=list)
    body_line: int = 0
    options: dict[str, str] = field(default_factory=dict)


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
    if found := find_leak(text, kinds):
        at = found[0] if kinds is PASSED_ON else 0
        raise context.error(line + at, f"a notebook can't show {found[1]}")


def _converted(text: str, line: int, context: Context) -> str:
    lines = text.split("\n")
    out: list[str] = []
    paragraph: list[str] = []
    i = 0
    while i < len(lines):
        special = _special_end(lines, i, line, context)
        if special is None and lines[i].strip():
            paragraph.append(lines[i])
            i += 1
            continue
        if paragraph:
            start = line + i - len(paragraph)
            out.append(convert_inline("\n".join(paragraph), start, context))
            paragraph = []
        if special is None:
            out.append("")
            i += 1
            continue
        converted = _convert_special(lines[i:special], line + i, context)
        if converted is not None:
            out.append(converted)
        i = special
    if paragraph:
        start = line + len(lines) - len(paragraph)
        out.append(convert_inline("\n".join(paragraph), start, context))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip("\n")


def _special_end(lines: list[str], i: int, line: int, context: Context) -> int | None:
    """Index after the fence, formula, label or comment that starts at ``lines[i]``, else None."""
    if _TARGET.match(lines[i]) or _COMMENT.match(lines[i]):
        return i + 1
    if match := _FENCE.match(lines[i]):
        closing = re.compile(rf"^\s*{match['fence'][0]}{{{len(match['fence'])},}}\s*$")
        for j in range(i + 1, len(lines)):
            if closing.match(lines[j]):
                return j + 1
        raise context.error(line + i, f"the fence {lines[i].strip()!r} is never closed")
    if _MATH.match(lines[i]):
        if lines[i].count("$$") > 1:
            return i + 1
        for j in range(i + 1, len(lines)):
            if "$$" in lines[j]:
                return j + 1
        raise context.error(line + i, "the formula that starts with $$ is never closed")
    return None


def _convert_special(lines: list[str], line: int, context: Context) -> str | None:
    """Plain form of what ``_special_end`` found; None when nothing remains of it."""
    match = _FENCE.match(lines[0])
    if match is None:
        return _formula(lines, context) if _MATH.match(lines[0]) else None
    info = _DIRECTIVE_INFO.match(match["info"].strip())
    if info is None:
        if match["fence"].startswith(":"):
            raise context.error(line, f"a colon fence needs a directive: {lines[0].strip()!r}")
        return "\n".join(lines)
    directive = _parse(lines, line, info["name"], info["argument"], context)
    renderer = RENDERERS.get(directive.name)
    if renderer is None:
        known = ", ".join(sorted(RENDERERS))
        problem = f"unknown directive {{{directive.name}}}; a notebook can show: {known}"
        raise context.error(line, problem)
    text = renderer(directive, context)
    return "\n".join(match["indent"] + part if part else "" for part in text.split("\n"))


def _parse(lines: list[str], line: int, name: str, argument: str, context: Context) -> Directive:
    body = lines[1:-1]
    indent = min((len(part) - len(part.lstrip()) for part in body if part.strip()), default=0)
    body = [part[indent:] for part in body]
    directive = Directive(name, argument, line)
    used = 0
    if body and body[0].strip() == "---":
        used = next((n for n in range(1, len(body)) if body[n].strip() == "---"), 0) + 1
        directive.options = _yaml_options(body[1 : used - 1], line, context)
    while used < len(body) and (match := re.match(r"^:([\w-]+):\s*(.*)$", body[used])):
        directive.options[match[1]] = match[2]
        used += 1
    directive.body, directive.body_line = body[used:], line + 1 + used
    return directive


def _yaml_options(lines: list[str], line: int, context: Context) -> dict[str, str]:
    try:
        options = yaml.safe_load("\n".join(lines)) or {}
    except yaml.YAMLError as error:
        raise context.error(line, f"the options between --- lines are not YAML: {error}") from error
    return {str(key): str(value) for key, value in options.items()}


def _formula(lines: list[str], context: Context) -> str:
    match = _MATH_LABEL.search(lines[-1])
    if match is None:
        return "\n".join(lines)
    body = "\n".join([*lines[:-1], lines[-1][: match.start()]]).strip().removeprefix("$$").strip()
    return _display_math(body, match["label"], context)


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
    url = f"{context.site}_images/{posixpath.basename(directive.argument)}"
    caption = _inner(directive, context)
    return f"![{alt}]({url})" + (f"\n\n*{caption}*" if caption else "")


def _diagram(directive: Directive, context: Context) -> str:
    alt = directive.options.get("alt")
    if not alt:
        raise context.error(directive.line, "{dot} needs an :alt: text")
    return f"> *Diagram, drawn on the {_web_page(context)}:* {alt}"


def _web_page(context: Context) -> str:
    return f"[web page]({context.site}{context.references.pages[context.page].url})"


def _widget(directive: Directive, context: Context) -> str:
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


RENDERERS: dict[str, Callable[[Directive, Context], str]] = {
    **dict.fromkeys(("note", "tip", "warning", "important", "admonition"), _admonition),
    **dict.fromkeys(("figure", "image"), _picture),
    "bibliography": _nothing,
    "code-block": _code,
    "dot": _diagram,
    "dropdown": _folded,
    "glossary": _glossary,
    "list-table": _list_table,
    "math": _math,
    "quiz": _quiz,
    "tab-item": _tab,
    "tab-set": _tabs,
    "table": _table,
    "widget": _widget,
}
