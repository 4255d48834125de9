"""Constrained decoding: a model can only write calls that are valid JSON for the declared tools.

A grammar is made from the tools, and `companion.backends.grammars` holds the model to it;
`companion.backends.structured` writes the part of it that is JSON of a schema. The model still
decides *what* to call; it can't misspell a name, forget an argument or leave a brace open. That a
call is valid does not make it right. Taught in :doc:`/book/applications/function-calling`.

The spacing is that of ``json.dumps``, which pocket-chat was trained on. Only a generation that was
cut off (``finish_reason == "length"``) can still be incomplete: leave room in ``max_new_tokens``.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion._checks import check_whole
from companion.backends.grammars import GrammarConstraint
from companion.backends.structured import json_rule
from companion.tools import Toolbox

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MODES = ("call", "call or answer")
# What `parse_calls` takes for an answer: no line that could begin a call.
ANSWER = r"/[^\s{\[<`][^\n]*(\n([^<\n][^\n]*)?)*/"


class CallConstraint(GrammarConstraint):
    r"""A ``logits_filter`` for `companion.generate` that lets only valid calls through.

    Taught in :doc:`/book/applications/function-calling`.

    Args:
        model: The causal language model; tells which tokens end a text.
        tokenizer: Its tokenizer, of the fast kind.
        toolboxes: The tools that may be called: one toolbox, or one for each sequence of the
            batch.
        mode: ``"call"`` forces a call. ``"call or answer"`` leaves the choice; an answer then
            can't begin with a blank or one of ``{ [ <`` and a backtick.
        max_calls: Most calls in one turn, on lines of their own.
        opening: What comes before each call, such as ``"<tool_call>\n"`` for Qwen.
        closing: What comes after each call, such as ``"\n</tool_call>"``.
        max_string: Longest text in an argument, in characters.

    Raises:
        ValueError: If the mode is unknown, the tokenizer is not a fast one, or nothing ends a text.
        ToolDefinitionError: If no grammar can be made from a tool's schema.
        MissingExtraError: If llguidance is not installed.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        tokenizer: "PreTrainedTokenizerBase",
        toolboxes: Toolbox | Sequence[Toolbox],
        *,
        mode: str = "call or answer",
        max_calls: int = 1,
        opening: str = "",
        closing: str = "",
        max_string: int = 200,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
        check_whole(max_calls=max_calls)
        boxes = [toolboxes] if isinstance(toolboxes, Toolbox) else list(toolboxes)
        wrap = (opening, closing)
        grammars = [
            grammar(box, mode, max_calls=max_calls, wrap=wrap, max_string=max_string)
            for box in boxes
        ]
        shared = isinstance(toolboxes, Toolbox)
        super().__init__(model, tokenizer, grammars[0] if shared else grammars)


def grammar(
    toolbox: Toolbox,
    mode: str,
    *,
    max_calls: int = 1,
    wrap: tuple[str, str] = ("", ""),
    max_string: int = 200,
) -> str:
    """Return the grammar of a turn, in the Lark notation of llguidance.

    Args:
        toolbox: The tools.
        mode: As in `CallConstraint`, and so are the others.
        max_calls: Most calls.
        wrap: What comes before and after each call.
        max_string: Longest text in an argument, in characters.
    """
    opening, closing = wrap
    lines = ["start: calls" + (" | answer" if mode == "call or answer" else "")]
    more = rf' ("\n" call){{0,{max_calls - 1}}}' if max_calls > 1 else ""
    names = " | ".join(f"call_{index}" for index in range(len(toolbox)))
    lines += [f"calls: call{more}", f"call: {_literal(opening)}({names}){_literal(closing)}"]
    for index, tool in enumerate(toolbox):
        head = f'{{"name": {json.dumps(tool.name)}, "arguments": '
        lines.append(f'call_{index}: {json.dumps(head)} arguments_{index} "}}"')
        lines.append(f"arguments_{index}: {json_rule(tool.parameters, max_string)}")
    return "\n".join([*lines, *([f"answer: {ANSWER}"] if "answer" in lines[0] else [])])


def _literal(text: str) -> str:
    return f" {json.dumps(text)} " if text else " "
