"""Measure tool calls: is it JSON, is it the right tool, are the arguments exactly right?

Each question has its own answer, since each has its own cure: constrained decoding, better
descriptions, a better model. Taught in :doc:`/book/applications/function-calling`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from companion.errors import ToolCallError
from companion.prompts.evaluation import Accuracy
from companion.tools.call import ToolCall, parse_calls
from companion.tools.toolbox import Toolbox


@dataclass(frozen=True)
class Judgement:
    """What is right about one turn.

    Args:
        valid: It is an answer, or calls of declared tools with arguments that fit the schema.
        tool: It calls the right tool and no other; or none, if none is needed.
        arguments: The tool is right, and so is every argument.
    """

    valid: bool
    tool: bool
    arguments: bool


def judge(text: str, wanted: ToolCall | None, toolbox: Toolbox) -> Judgement:
    """Judge one turn of a model. Taught in :doc:`/book/applications/function-calling`.

    Args:
        text: What the model wrote.
        wanted: The one right call, or None if an answer is right.
        toolbox: The tools that were declared.

    Returns:
        What is right about it.

    Example:
        >>> from companion.tools.calculator import calculator
        >>> wanted = ToolCall("calculator", {"expression": "2 + 3"})
        >>> text = '{"name": "calculator", "arguments": {"expression": "2 * 3"}}'
        >>> judge(text, wanted, Toolbox([calculator]))
        Judgement(valid=True, tool=True, arguments=False)
    """
    try:
        calls = parse_calls(text)
    except ToolCallError:
        return Judgement(valid=False, tool=False, arguments=False)
    valid = all(toolbox.check(call) is None for call in calls)
    names = [call.name for call in calls]
    tool = names == ([] if wanted is None else [wanted.name])
    arguments = tool and (wanted is None or calls[0].arguments == wanted.arguments)
    return Judgement(valid, tool, arguments)


@dataclass(frozen=True)
class CallEvaluation:
    """Judgements of many turns.

    Args:
        judgements: One per turn.
    """

    judgements: tuple[Judgement, ...]

    @property
    def valid(self) -> Accuracy:
        """Turns that are an answer or valid calls."""
        return Accuracy(sum(judgement.valid for judgement in self.judgements), len(self.judgements))

    @property
    def tool(self) -> Accuracy:
        """Turns with the right choice of tool."""
        return Accuracy(sum(judgement.tool for judgement in self.judgements), len(self.judgements))

    @property
    def arguments(self) -> Accuracy:
        """Turns that are right in everything."""
        return Accuracy(
            sum(judgement.arguments for judgement in self.judgements), len(self.judgements)
        )


def evaluate_calls(
    texts: Sequence[str], wanted: Sequence[ToolCall | None], toolboxes: Sequence[Toolbox]
) -> CallEvaluation:
    """Judge many turns. Taught in :doc:`/book/applications/function-calling`.

    Args:
        texts: What the model wrote.
        wanted: The right call of each turn, or None.
        toolboxes: The tools that were declared for each turn.

    Returns:
        The judgements and their accuracies.

    Raises:
        ValueError: If there are no texts, or not as many of everything.
    """
    if not texts or not len(texts) == len(wanted) == len(toolboxes):
        raise ValueError(
            "there must be at least one text and as many calls and toolboxes, got "
            f"{len(texts)}, {len(wanted)} and {len(toolboxes)}"
        )
    return CallEvaluation(tuple(map(judge, texts, wanted, toolboxes)))
