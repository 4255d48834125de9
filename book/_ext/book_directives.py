"""Directives: ``dot`` and ``tensor`` show drawings, ``quiz`` asks. ``live`` is in `live_widget`."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import ClassVar

from diagrams import drawing_path
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from project import find_project
from quiz import Option, parse_quiz
from sphinx.util.docutils import SphinxDirective
from tensor_pictures import picture_path

_FORMULA = re.compile(r"\$([^$]+)\$")


class Dot(SphinxDirective):
    """A diagram as inline SVG that follows the page's colors; ``make diagrams`` draws it.

    The option ``alt`` is required; ``caption`` is shown below the diagram, with its number.
    """

    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required, "caption": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Put in the drawing of the diagram."""
        if not self.options.get("alt"):
            raise self.error("dot: an :alt: text is required")
        page = self.env.docname.removeprefix("book/")
        project = find_project(Path(self.env.srcdir))
        drawing = drawing_path(project, page, "\n".join(self.content))
        if not drawing.is_file():
            raise self.error("dot: this diagram is new or changed; run: make diagrams")
        return [_drawn(self, drawing, ["dot"])]


class Tensor(SphinxDirective):
    """A picture of tensors, by its name in ``tensor_pictures``; ``make diagrams`` draws it.

    The options ``alt`` and ``caption`` are required.
    """

    required_arguments = 1
    option_spec: ClassVar = {
        "alt": directives.unchanged_required,
        "caption": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Put in the drawing of the picture."""
        if not (self.options.get("alt") and self.options.get("caption")):
            raise self.error("tensor: an :alt: text and a :caption: are required")
        drawing = picture_path(find_project(Path(self.env.srcdir)), self.arguments[0])
        if not drawing.is_file():
            raise self.error(f"tensor: there is no picture {self.arguments[0]!r}")
        return [_drawn(self, drawing, ["dot", "tensor"])]


def _drawn(directive: SphinxDirective, drawing: Path, classes: list[str]) -> nodes.figure:
    """A figure with a drawing, which Sphinx numbers if it has a caption."""
    alt = html.escape(directive.options["alt"], quote=True)
    svg = drawing.read_text(encoding="utf-8").strip()
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{alt}" ')
    # it can be scrolled by keyboard too, where the screen is narrow
    figure = nodes.figure("", _raw(f'<div class="wide" tabindex="0">{svg}</div>'), classes=classes)
    if caption := directive.options.get("caption"):
        figure += nodes.caption(caption, "", nodes.Text(caption))
    directive.set_source_info(figure)
    return figure


class QuizQuestion(SphinxDirective):
    """A question that answers back. Choosing an option shows its explanation, by CSS alone.

    ``quiz.js`` adds the score, which stays in the reader's browser.
    """

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Write a fieldset of radio buttons, or of checkboxes if several options are right."""
        try:
            quiz = parse_quiz(self.arguments[0], list(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        kind = "checkbox" if quiz.several else "radio"
        several = '<p class="quiz-several">Several may hold.</p>' if quiz.several else ""
        first, *more = self._parsed(quiz.question, 0)
        out = [
            _raw(f'<fieldset class="quiz" data-quiz="{quiz.name}"><legend>'),
            *_inline(first),
            _raw("</legend>"),
            *more,
            _raw(several),
        ]
        for option in quiz.options:
            out += self._option(option, quiz.name, kind)
        return [*out, _raw("</fieldset>")]

    def _option(self, option: Option, name: str, kind: str) -> list[nodes.Node]:
        state = "right" if option.right else "wrong"
        formula = _FORMULA.fullmatch(option.text.strip())  # a formula alone names no button
        named = f' aria-label="{html.escape(formula[1], quote=True)}"' if formula else ""
        text, *more = self._parsed(option.text, option.line)
        if more or not isinstance(text, nodes.paragraph):  # "1." would begin a list
            raise self.error(f"quiz {name}: an option is one line of words, not {option.text!r}")
        return [
            _raw(
                f'<div class="quiz-option"><label><input type="{kind}" name="{name}" '
                f'value="{state}"{named}><span>'
            ),
            *_inline(text),
            _raw(
                f'</span></label><div class="quiz-why {state}"><strong>{state.title()}.</strong> '
            ),
            *self._parsed(option.why, option.line),
            _raw("</div></div>"),
        ]

    def _parsed(self, text: str, line: int) -> list[nodes.Node]:
        box = nodes.container()
        lines = StringList(text.split("\n"), source="quiz")
        self.state.nested_parse(lines, self.content_offset + line, box)
        return box.children


def _raw(text: str) -> nodes.Node:
    return nodes.raw("", text, format="html")


def _inline(node: nodes.Node) -> list[nodes.Node]:
    """The content of a paragraph, to stand in a label or a legend, where paragraphs may not."""
    return node.children if isinstance(node, nodes.paragraph) else [node]
