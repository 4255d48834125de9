"""Measure a pocket model on items that training never saw, and print the table of the results.

    python -m companion.pocket.evaluate                 # the pocket-base of this package
    python -m companion.pocket.evaluate runs/base/model --json results.json
    python -m companion.pocket.evaluate chat --role chat     # tasks as messages
    python -m companion.pocket.evaluate reward --role reward # pairs of answers

Every answer is decoded greedily. An answer counts only if it is exactly right. A reward model is
right about a pair if it gives the better answer the higher reward. The items are new, but the
grammar that writes them is the one of the training text; problems that a person wrote are measured
apart (`companion.pocket.ordinary`).
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from companion._files import write_whole
from companion.errors import CompanionError
from companion.generation.params import SamplingParams
from companion.generation.scoring import token_logprobs
from companion.models import load
from companion.prompts.evaluation import Accuracy, evaluate_prompts
from companion.rewards import Reward, RewardModel

from .corpus import MIXTURE, documents
from .ordinary import ordinary_tasks
from .tasks import SEED, PreferencePair, Task, chat_tasks, pair_tasks, tasks

BATCH = 64


def accuracy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, task: Task) -> Accuracy:
    """Decode every prompt of ``task`` greedily, in batches, and count the right answers."""
    prompts, answers = zip(*task.items, strict=True)
    params = SamplingParams(max_new_tokens=task.max_new_tokens, temperature=0.0)
    return evaluate_prompts(
        model, tokenizer, prompts, answers, right=task.right, params=params, batch_size=BATCH
    ).accuracy


def perplexity_by_kind(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, count: int = 100
) -> dict[str, float]:
    """Return the perplexity per token on ``count`` held-out documents of each kind.

    Every token but the first of each document counts, the end-of-text token included.
    """
    perplexities = {}
    for kind in MIXTURE:
        texts = [
            document.text + tokenizer.eos_token
            for document in islice(documents(SEED, "eval", kind=kind), count)
        ]
        total, tokens = 0.0, 0
        for start in range(0, count, BATCH // 2):
            batch = tokenizer(texts[start : start + BATCH // 2], return_tensors="pt", padding=True)
            logprobs = token_logprobs(
                model, batch["input_ids"].to(model.device), batch["attention_mask"].to(model.device)
            )
            total -= logprobs.sum().item()
            tokens += int(
                batch["attention_mask"][:, 1:].sum() - (batch["attention_mask"][:, 0] == 0).sum()
            )
        perplexities[kind] = math.exp(total / tokens)
    return perplexities


def pair_accuracy(reward: Reward, pairs: Sequence[PreferencePair]) -> Accuracy:
    """Count the pairs in which the better answer gets the higher reward; a tie is wrong."""
    records = [{"prompt": pair.prompt} for pair in pairs]
    better = reward(records, [pair.better for pair in pairs])  # (B,)
    worse = reward(records, [pair.worse for pair in pairs])
    return Accuracy(int((better > worse).sum()), len(pairs))


def evaluate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    count: int = 200,
    role: str = "base",
) -> dict[str, dict[str, object]]:
    """Return ``{"accuracy": ..., "outside": ..., "perplexity": ...}``, ready for JSON.

    The first two have a share with its interval for each task, in and outside of the grammar of
    the training text; the third has a number for each kind of document.

    Args:
        model: The model to measure.
        tokenizer: Its tokenizer, with a chat template unless the role is "base".
        count: Items of each task.
        role: What the model is measured as: "base" reads plain text, "chat" messages
            (`.tasks.chat_tasks`), and "reward" compares answers
            (`.tasks.pair_tasks`). A reward model has no perplexity.

    Raises:
        ValueError: If the role is unknown.
    """
    if role == "reward":
        reward = RewardModel(model, tokenizer, batch_size=BATCH)
        compared = {name: pair_accuracy(reward, pairs) for name, pairs in pair_tasks(count).items()}
        return {"accuracy": _as_json(compared), "perplexity": {}}
    if role not in ("base", "chat"):
        raise ValueError(f"role must be 'base', 'chat' or 'reward', got {role!r}")
    inside = chat_tasks(tokenizer, count) if role == "chat" else tasks(count)
    outside = ordinary_tasks(tokenizer, role)
    measured = [
        accuracy(model, tokenizer, task)
        for task in tqdm([*inside, *outside], disable=None, unit="task")
    ]
    perplexity = perplexity_by_kind(model, tokenizer)
    names = [task.name for task in (*inside, *outside)]
    return {
        "accuracy": _as_json(dict(zip(names[: len(inside)], measured, strict=False))),
        "outside": _as_json(dict(zip(names[len(inside) :], measured[len(inside) :], strict=True))),
        "perplexity": {kind: round(value, 3) for kind, value in perplexity.items()},
    }


def _as_json(measured: dict[str, Accuracy]) -> dict[str, dict[str, object]]:
    return {
        name: asdict(result)
        | {
            "share": round(result.share, 4),
            "interval": [round(bound, 4) for bound in result.interval],
        }
        for name, result in measured.items()
    }


def table(results: dict[str, dict[str, object]]) -> str:
    """Return the results as Markdown tables: accuracies and, if there are any, perplexities."""
    lines = _rows("In distribution: new items, known grammar (greedy)", results["accuracy"])
    if results.get("outside"):
        lines += ["", *_rows("Outside of it: written by a person (greedy)", results["outside"])]
    if results.get("perplexity"):
        lines += ["", "| Kind of document | Perplexity per token |", "|---|---|"]
    lines += [
        f"| {kind.replace('_', ' ')} | {value:.2f} |"
        for kind, value in results["perplexity"].items()
    ]
    return "\n".join(lines)


def _rows(title: str, measured: dict[str, dict[str, object]]) -> list[str]:
    lines = [f"| {title} | Right | 95 % interval |", "|---|---|---|"]
    for name, accuracy in measured.items():
        low, high = accuracy["interval"]
        share = f"{accuracy['share']:.1%} of {accuracy['total']}"
        lines.append(f"| {name} | {share} | {low:.0%} to {high:.0%} |")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.pocket.evaluate",
        description="Measure a pocket model on held-out items.",
    )
    parser.add_argument(
        "model", nargs="?", default="base", help="role or folder (default: %(default)s)"
    )
    parser.add_argument(
        "--count", type=int, default=200, help="items of each task (default: %(default)s)"
    )
    parser.add_argument(
        "--role",
        choices=("base", "chat", "reward"),
        default="base",
        help="what it is measured as (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args(arguments)
    try:
        model, tokenizer = load(options.model)
    except CompanionError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    with torch.inference_mode():
        results = evaluate(model, tokenizer, count=options.count, role=options.role)
    print(table(results))  # noqa: T201
    if options.json:
        write_whole(options.json, json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
