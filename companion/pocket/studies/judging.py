"""Pairs of answers of which the better one is known, their rewards, and texts with their losses.

Taught in :doc:`/book/applications/evaluation`. Left out: the open model as a judge; the experiment
``open_judging`` asks it.
"""

from collections.abc import Sequence
from itertools import islice

import torch

from companion.generation.scoring import token_logprobs
from companion.models.loading import LoadedModel
from companion.pocket.corpus import documents
from companion.pocket.tasks import SEED, PreferencePair, pair_tasks
from companion.rewards import RewardModel

ITEMS = 32
KINDS = (
    "right rather than wrong",
    "an answer rather than an evasion",
    "friendly rather than rude",
)
KINDS_OF_TEXT = ("stories", "facts", "translation")


def pairs(count: int = ITEMS) -> dict[str, list[PreferencePair]]:
    """Return held-out pairs of which the better answer is known.

    Args:
        count: Pairs of each kind, at most `ITEMS`.

    Returns:
        By `KINDS`, what makes one answer better.
    """
    drawn = pair_tasks(ITEMS)
    return {kind: drawn[kind][:count] for kind in KINDS}


def by_reward(judged: Sequence[PreferencePair], reward: RewardModel) -> list[list[float]]:
    """Return the rewards of both answers of each pair.

    Args:
        judged: The pairs.
        reward: The model that judges, one answer at a time.

    Returns:
        For each pair the reward of the better and that of the worse answer.
    """
    records = [{"prompt": pair.prompt} for pair in judged]
    sides = [
        reward(records, [getattr(pair, side) for pair in judged]) for side in ("better", "worse")
    ]
    return [
        [round(better, 3), round(worse, 3)]
        for better, worse in zip(*(side.tolist() for side in sides), strict=True)
    ]


def grammar_texts(count: int = 12) -> dict[str, list[str]]:
    """Return held-out documents by their kind, ``count`` of each of `KINDS_OF_TEXT`."""
    return {
        kind: [document.text for document in islice(documents(SEED, "eval", kind=kind), count)]
        for kind in KINDS_OF_TEXT
    }


@torch.inference_mode()
def losses(loaded: LoadedModel, texts: Sequence[str]) -> dict[str, float]:
    """Return the loss of some texts, summed over all tokens.

    Each text begins after the token that ends a document, so its first token counts as well.

    Args:
        loaded: Model and tokenizer.
        texts: What is read, each text on its own.

    Returns:
        The loss in ``nats``, and the ``tokens`` and ``bytes`` that it can be divided by.
    """
    nats, tokens = 0.0, 0
    start = loaded.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    for text in texts:
        ids = [start, *loaded.tokenizer(text, add_special_tokens=False).input_ids]
        nats -= token_logprobs(loaded.model, torch.tensor([ids])).sum().item()
        tokens += len(ids) - 1
    size = sum(len(text.encode()) for text in texts)
    return {"nats": round(nats, 2), "tokens": tokens, "bytes": size}
