"""GRPO with reasoning before the answer: what it does to accuracy, pass@k, votes and length.

pocket-chat gets two marks, ``<think>`` and ``</think>``, and is shown on a few easy problems to
reason between them. From there GRPO goes on; only the answer behind the marks is rewarded.
Supervised fine-tuning on the same problems, with their reasoning, is the yardstick. Then the
reasoning is cut, prolonged and switched off. Taught in :doc:`/book/training/reasoning`.

Left out: several seeds. The settings were chosen on problems with numbers of training, none on
held-out ones.
"""

import copy
import math
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor

from companion.models import load
from companion.models.loading import LoadedModel
from companion.pocket.studies.thinking import (
    CLOSE,
    KINDS,
    LONGEST,
    SHOWN,
    Record,
    capitals,
    demonstration,
    extended,
    final_answer,
    forced,
    responses,
    rewarded,
    shown_to_think,
    sums,
    thought_tokens,
    tuned,
    word_problems,
)
from companion.pocket.tasks import SEED
from companion.prompts.answers import majority_vote
from companion.reasoning import split_reasoning
from companion.rewards import exact_answer
from companion.training.grpo import grpo_trainer
from companion.training.settings import TrainingSettings
from companion.training.trainer import history

TAUGHT = 3e-4  # learning rate of the yardstick
GRPO = {"batch_size": 64, "learning_rate": 2e-4}
GROUP = {"group_size": 8, "max_new_tokens": LONGEST}
STEPS = 40
ITEMS, SAMPLES = 80, 32
TRIES = (1, 2, 4, 8, 16, 32)
BUDGETS = (0, 8, 16, 24, 32, 48)
WAITS = 2
CURVES = {
    "right": "reward",
    "alike": "frac_reward_zero_std",
    "length": "completions/mean_length",
    "entropy": "entropy",
}


def training_problems(count: int, seed: int = 0) -> list[Record]:
    """Return problems to train on: known and free stories in turn."""
    both = (word_problems(seed, "train", count // 2, free=free) for free in KINDS.values())
    return [record for pair in zip(*both, strict=True) for record in pair]


def by_grpo(start: LoadedModel, steps: int) -> tuple[LoadedModel, dict[str, list[float]]]:
    """Train a copy of a model with the reward of its answers; returns its curves as well."""
    model, tokenizer = copy.deepcopy(start.model), start.tokenizer
    records = training_problems(steps * GRPO["batch_size"] // GROUP["group_size"])
    settings = TrainingSettings(steps=steps, **GRPO)
    trainer = grpo_trainer(model, tokenizer, records, rewarded, settings, **GROUP)
    trainer.train()
    log = history(trainer)
    curves = {name: [round(row[key], 4) for row in log] for name, key in CURVES.items()}
    return LoadedModel(model.eval(), tokenizer), curves


def sampled(loaded: LoadedModel, records: Sequence[Record]) -> dict[str, Any]:
    """Measure greedy answers, and drawn ones: pass@k, votes, length.

    Returns:
        ``greedy``, right answers; ``tokens``, mean length of the reasoning when answers are drawn;
        ``counts``, how many of the drawn answers to each problem are right; ``pass`` and ``vote``
        by the number of tries; and ``groups``, the share of groups of eight that are not alike.
    """
    greedy = rewarded(records, [said.text for said in responses(loaded, records)])
    drawn = responses(loaded, records, samples=SAMPLES, temperature=1.0, seed=SEED)
    texts = [said.text for said in drawn]
    right = rewarded([record for record in records for _ in range(SAMPLES)], texts)
    groups = right.view(-1, GROUP["group_size"])
    right = right.view(len(records), SAMPLES)
    answers = [final_answer(text) for text in texts]
    rows = [answers[first : first + SAMPLES] for first in range(0, len(answers), SAMPLES)]
    wanted = [record["answer"] for record in records]
    length = sum(len(thought_tokens(loaded, text)) for text in texts) / len(texts)
    return {
        "greedy": int(greedy.sum()),
        "tokens": round(length, 1),
        "counts": [int(count) for count in right.sum(dim=1)],
        "groups": round((groups != groups[:, :1]).any(dim=1).float().mean().item(), 4),
        "pass": {k: round(pass_at_k(right, k), 4) for k in TRIES},
        "vote": {k: round(vote_share(rows, wanted, k), 4) for k in TRIES},
    }


def pass_at_k(right: Tensor, k: int) -> float:
    """Return the chance that one of k answers is right, without a bias, mean over problems.

    ``1 - C(n - c, k) / C(n, k)``, eq. 1 of Chen et al. 2021, https://arxiv.org/abs/2107.03374.

    Args:
        right: 1 for right answers, 0 for others, shape ``(problems, n)``.
        k: Tries, from 1 to n.
    """
    n = right.shape[1]
    return sum(1 - math.comb(n - int(c), k) / math.comb(n, k) for c in right.sum(dim=1)) / len(
        right
    )


def vote_share(answers: Sequence[Sequence[str]], wanted: Sequence[str], k: int) -> float:
    """Return how often the most frequent of the first k answers is right."""
    votes = [majority_vote([a for a in row[:k] if a], samples=k) for row in answers]
    return sum(
        bool(vote.counts) and vote.answer == right
        for vote, right in zip(votes, wanted, strict=True)
    ) / len(wanted)


def budgets(loaded: LoadedModel, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Cut greedy reasoning at several lengths, close it, and count right answers."""
    texts = [said.text for said in responses(loaded, records)]
    rows = []
    for budget in BUDGETS:
        right = int(rewarded(records, forced(loaded, records, texts, budget)).sum())
        kept = [min(budget, len(thought_tokens(loaded, text))) for text in texts]
        tokens = round(sum(kept) / len(kept), 1)
        rows.append({"budget": budget, "tokens": tokens, "right": right})
    return rows


def waits(loaded: LoadedModel, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Prolong greedy reasoning by a "Wait." in place of its end, and count right answers."""
    rounds = [[said.text for said in responses(loaded, records)]]
    for _ in range(WAITS):
        rounds.append(extended(loaded, records, rounds[-1]))
    rights = [rewarded(records, texts) for texts in rounds]
    changes = [(0, 0)] + [
        (int((after > before).sum()), int((after < before).sum()))
        for before, after in pairwise(rights)
    ]
    return [
        {
            "waits": at,
            "right": int(right.sum()),
            "mended": mended,
            "spoiled": spoiled,
            "tokens": round(
                sum(len(thought_tokens(loaded, text)) for text in texts) / len(texts), 1
            ),
        }
        for at, (texts, right, (mended, spoiled)) in enumerate(
            zip(rounds, rights, changes, strict=True)
        )
    ]


def switched(
    chat: LoadedModel, start: LoadedModel, records: Sequence[Record]
) -> dict[str, dict[str, Any]]:
    """Answer greedily without marks, and with them and thinking on and off.

    An answer counts with reasoning before it or without: here the model may choose.

    Returns:
        For ``"no marks"`` (pocket-chat), ``"on"`` and ``"off"``: right answers, tokens written, and
        ``reasoned``, how many responses close a block of reasoning by themselves.
    """
    found = {}
    ways = {"no marks": (chat, True), "on": (start, True), "off": (start, False)}
    for name, (loaded, thinking) in ways.items():
        said = responses(loaded, records, thinking=thinking)
        answers = [split_reasoning(answer.text)[1] for answer in said]
        found[name] = {
            "right": int(exact_answer(records, answers).sum()),
            "tokens": round(sum(len(answer.token_ids) for answer in said) / len(said), 1),
            "reasoned": sum(CLOSE in answer.text for answer in said),
        }
    return found


def measure(*, scale: float = 1.0) -> dict[str, object]:
    """Train with GRPO and with solutions, and measure before and after on held-out problems.

    Args:
        scale: Share of the steps and of the items.

    Returns:
        ``models``: what `sampled` says of each on either kind of story; ``curves`` of GRPO;
        ``budgets`` and ``waits`` of the model after GRPO; ``thinking``, see `switched`; and the
        settings.
    """
    steps, items = max(2, round(STEPS * scale)), max(4, round(ITEMS * scale))
    chat = load("chat", source="pocket")
    start = shown_to_think(chat, scale=scale)
    begun = time.monotonic()
    trained, curves = by_grpo(start, steps)
    seconds = {"GRPO": round(time.monotonic() - begun)}
    begun = time.monotonic()
    solved = training_problems(steps * GRPO["batch_size"] // GROUP["group_size"])
    taught = tuned(start, [demonstration(record, thinking=True) for record in solved], TAUGHT)
    seconds["SFT"] = round(time.monotonic() - begun)
    asked = {name: word_problems(SEED, "eval", items, free=free) for name, free in KINDS.items()}
    models = {"shown the form": start, "GRPO": trained, "SFT": taught}
    short = {"sums": sums(SEED, "eval", items), "capitals": capitals("held_out")[:items]}
    return {
        "settings": {**GRPO, **GROUP, "steps": steps, "shown": SHOWN},
        "problems": len(solved),
        "items": items,
        "samples": SAMPLES,
        "seconds_of": seconds,
        "curves": curves,
        "models": {
            name: {kind: sampled(loaded, records) for kind, records in asked.items()}
            for name, loaded in models.items()
        },
        "budgets": {kind: budgets(trained, records) for kind, records in asked.items()},
        "waits": {kind: waits(trained, records) for kind, records in asked.items()},
        "thinking": {
            name: switched(chat, start, records) | {"items": len(records)}
            for name, records in (asked | short).items()
        },
    }
