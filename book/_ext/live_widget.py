r"""The directive ``live``: a figure that readers try on their own text, with models in the page.

    ```{live} next_token
    :text: The capital of France is

    What a page without scripts, a print and a notebook show.
    ```

A widget is a file in ``book/_static/live/widgets``; `WIDGETS` says which options it takes. Options
are the values it starts with, such that its first numbers are those that the page prints. ``\n``
in an option is a line break.
"""

from __future__ import annotations

import html
import json
from typing import ClassVar, NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

_SIZE = "loads 4.9 MB once"
_BOTH = "loads 9.8 MB once"


class Widget(NamedTuple):
    """What a page may say about a widget."""

    button: str
    """Text of the button that opens it."""
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


WIDGETS = {
    "attention": Widget(
        f"Look inside the model on your text ({_SIZE})", ("text",), ("layer", "head")
    ),
    "batching": Widget("Try other requests", ("lengths",), ("slots",)),
    "beam": Widget(f"Search from your text ({_SIZE})", ("text",), ("beams", "tokens")),
    "caches": Widget("Compute for another length", (), ("tokens",)),
    "cells": Widget("Move the question", (), ("x", "y", "probes")),
    "chain": Widget(f"Run the chain on your values ({_SIZE})", ("template", "values")),
    "chat": Widget(f"Talk to pocket-chat here ({_SIZE})", ("text",), ("open",)),
    "chunks": Widget("Cut your text", ("text",), ("size", "overlap")),
    "constrained": Widget(f"Write JSON of your schema ({_SIZE})", ("text", "ask", "schema")),
    "dpo": Widget("Try other numbers", ("reference", "rewards"), ("beta",)),
    "few_shot": Widget(f"Try other examples ({_SIZE})", ("examples", "question")),
    "floats": Widget("Try another number", ("number",), ("format",)),
    "guide": Widget("Go through the questions"),
    "image_tokens": Widget("Count for another image", (), ("width", "height")),
    "injection": Widget(f"Attack it yourself ({_SIZE})", ("text",)),
    "interval": Widget("Try other counts", (), ("both", "lost", "won", "neither")),
    "journey": Widget(f"Follow a token of your text ({_SIZE})", ("text",)),
    "kv_cache": Widget("Count for other models", (), ("prompt", "tokens", "model", "context")),
    "late_interaction": Widget("Choose the tokens that count", ("question",)),
    "lora": Widget("Count for other ranks", (), ("model", "rank", "targets")),
    "masks": Widget("Change the mask", (), ("length", "window")),
    "mcp": Widget("Write to the server", (), ("start",)),
    "memory": Widget("Compute for other models", (), ("model", "format", "tokens", "batch")),
    "merges": Widget("Cut your text into tokens (loads 0.1 MB once)", ("text",)),
    "near_copies": Widget("Compare two texts of yours", ("first", "second")),
    "nearest": Widget("Compare other sentences (loads 0.2 MB once)", ("first", "second"), ("k",)),
    "next_token": Widget(
        f"Try it on your text ({_SIZE})", ("text",), ("temperature", "topk", "topp", "minp")
    ),
    "notes": Widget(f"Ask your own notes ({_SIZE})", ("notes", "question"), ("k",)),
    "parameters": Widget(
        "Count for other shapes", (), ("vocabulary", "context", "width", "layers")
    ),
    "pass_at_k": Widget("Try other counts", ("counts",), ("tries",)),
    "ppo": Widget("Try other numbers", ("reference", "rewards"), ("beta",)),
    "preference": Widget("Try other rewards", ("chosen", "rejected", "rewards")),
    "quantize": Widget("Try other numbers", ("values",)),
    "ranks": Widget("Compute for other runs", (), ("model", "processes", "tokens", "sharing")),
    "reasoning": Widget(f"Ask a problem of yours ({_SIZE})", ("question", "examples")),
    "redact": Widget("Take it out of your text", ("text",)),
    "retrieval": Widget("Search in this book (loads 0.3 MB once)", ("text",), ("k",)),
    "score": Widget(f"Score your text ({_SIZE})", ("text",), ("first",)),
    "sizes": Widget("Compute for another model", ("total", "active")),
    "stages": Widget("Compare two stages", ("models", "rows", "from", "to")),
    "stations": Widget("Try to get a call through", ("user", "turn")),
    "steps": Widget("Try other tasks", (), ("p", "steps")),
    "stores": Widget("Plan for another number", (), ("target", "dimension")),
    "temperature": Widget("Move the temperature", ("tokens", "logits")),
    "tools": Widget(f"Run the loop on your request ({_SIZE})", ("text",)),
    "training_memory": Widget("Compute for other models", (), ("model", "rank", "rest")),
    "two_prompts": Widget(f"Ask your own prompts ({_SIZE})", ("text", "weak", "strong")),
    "tuning": Widget(f"Ask both models ({_BOTH})", ("text",)),
}
"""The widgets by the name of their file."""


def opening(name: str, options: dict[str, str]) -> str:
    """Return the HTML in front of what stays without scripts; two ``div`` close it.

    Args:
        name: Name of a widget.
        options: The options of the directive.

    Raises:
        ValueError: If there is no such widget, or an option is missing or unknown.
    """
    if name not in WIDGETS:
        raise ValueError(f"there is no widget {name!r}; known: {', '.join(WIDGETS)}")
    widget = WIDGETS[name]
    if missing := [key for key in widget.required if not options.get(key)]:
        raise ValueError(f"the widget {name} needs the option :{missing[0]}:")
    known = (*widget.required, *widget.optional)
    if unknown := [key for key in options if key not in known]:
        raise ValueError(f"the widget {name} has no option :{unknown[0]}:; known: {known}")
    values = {key: value.replace("\\n", "\n") for key, value in options.items()}
    data = html.escape(json.dumps(values, ensure_ascii=False), quote=True)
    button = html.escape(widget.button, quote=True)
    return (
        f'<div class="live" data-live="{name}" data-button="{button}" '
        f'data-options="{data}"><div class="live-static">'
    )


class Live(SphinxDirective):
    """A widget; its body is what a page without scripts or a print shows."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = dict.fromkeys(
        (key for widget in WIDGETS.values() for key in (*widget.required, *widget.optional)),
        directives.unchanged,
    )

    def run(self) -> list[nodes.Node]:
        """Write what ``live.js`` reads around the body."""
        try:
            start = opening(self.arguments[0], self.options)
        except ValueError as error:
            raise self.error(f"live: {error}") from error
        body = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, body)
        return [
            nodes.raw("", start, format="html"),
            *body.children,
            nodes.raw("", "</div></div>", format="html"),
        ]
