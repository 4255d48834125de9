"""Style sheets without the rules that no page of the site can use.

A rule is kept if every class and every id that its selector names stands somewhere in the pages or
scripts, as a word. That keeps too much rather than too little: scripts give classes, too.
Left out: which elements there are, and whether they stand as a selector wants them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

import tinycss2
from tinycss2.ast import AtRule, HashToken, IdentToken, LiteralToken, Node, QualifiedRule

_WITH_RULES = {"media", "supports", "layer", "container"}
_WORD = re.compile(r"[\w-]+")


def words(texts: Iterable[str]) -> set[str]:
    """Return everything in pages and scripts that may be a class or an id."""
    return {word for text in texts for word in _WORD.findall(text)}


def lean_styles(sheet: str, used: set[str]) -> str:
    """Return a style sheet without the rules for what is not there, and without comments.

    Args:
        sheet: CSS.
        used: What `words` found on the site.

    Example:
        >>> lean_styles(".a, .b .c { color: red } .a:not(.c) > p { margin: 0 }", {"a"})
        '.a{color:red}.a:not(.c)>p{margin:0}'
    """
    rules = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
    return "".join(_lean_rule(rule, used) for rule in rules)


def _lean_rule(rule: Node, used: set[str]) -> str:
    if isinstance(rule, QualifiedRule):
        selectors = [part for part in _split(rule.prelude) if _names(part) <= used]
        if not selectors:
            return ""
        head = ",".join(_short(tinycss2.serialize(selector)) for selector in selectors)
        return f"{head}{{{_short_declarations(rule.content)}}}"
    if isinstance(rule, AtRule) and rule.content and rule.lower_at_keyword in _WITH_RULES:
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        body = "".join(_lean_rule(part, used) for part in inner)
        head = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude).rstrip()}"
        return f"{head}{{{body}}}" if body else ""
    return rule.serialize()


def _split(prelude: list[Node]) -> list[list[Node]]:
    """Split a prelude into its selectors."""
    selectors: list[list[Node]] = [[]]
    for token in prelude:
        if isinstance(token, LiteralToken) and token.value == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def _names(selector: list[Node]) -> set[str]:
    """Classes and ids that a selector asks for; those in ``:not(...)`` and its like don't count."""
    names = {token.value for token in selector if isinstance(token, HashToken)}
    for dot, name in itertools.pairwise(selector):
        if isinstance(dot, LiteralToken) and dot.value == "." and isinstance(name, IdentToken):
            names.add(name.value)
    return names


def _short(selector: str) -> str:
    return re.sub(r"\s*([>~])\s*", r"\1", " ".join(selector.split()))


def _short_declarations(content: list[Node]) -> str:
    declarations = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    parts = []
    for part in declarations:
        text = part.serialize()
        if part.type == "declaration":
            important = "!important" if part.important else ""
            value = tinycss2.serialize(part.value).strip()
            text = f"{part.name}:{value}{important}"
        parts.append(text)
    return ";".join(parts)
