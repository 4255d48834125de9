"""GRPO with a verifiable reward: sums, answered by trial, with a program as the only teacher.

pocket-chat knows sums from pre-training and was never asked for one in a conversation. A few steps
of supervised fine-tuning on 64 sums show it the form, and from there GRPO goes on without
solutions: the model tries, and `companion.rewards.exact_answer` checks. Supervised fine-tuning on
the same problems, with their solutions, is the yardstick. Taught in :doc:`/book/training/dpo-grpo`.

Left out: several seeds and a search for the settings.
"""

import copy
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.models import load
from companion.pocket.corpus import arithmetic
from companion.pocket.studies.sums import LONGEST as SHORT
from companion.pocket.studies.sums import SHOWN_FORM, answers, right, shown_the_form, sums, tuned
from companion.pocket.tasks import SEED
from companion.prompts.evaluation import Accuracy
from companion.rewards import exact_answer
from companion.training.grpo import grpo_trainer
from companion.training.settings import TrainingSettings
from companion.training.trainer import history

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

STEP = {"batch_size": 64, "learning_rate": 1e-4}
GROUP = {"group_size": 8, "max_new_tokens": SHORT}
STEPS = 80
ITEMS = 400
TEMPERATURES = (1.0, 1.5, 2.0, 2.5)
PROBLEMS, TRIES, LONGEST = 32, 8, 80
CURVES = {
    "right": "reward",
    "alike": "frac_reward_zero_std",
    "entropy": "entropy",
}


def measured(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
) -> dict[str, object]:
    """Return the share right of the likeliest answers with its interval, and of drawn answers."""
    greedy = right(records, answers(model, tokenizer, records))
    drawn = right(records, answers(model, tokenizer, records, temperature=1.0))
    accuracy = Accuracy(int(greedy.sum()), len(records))
    return {
        "share": round(accuracy.share, 4),
        "interval": [round(bound, 4) for bound in accuracy.interval],
        "drawn": round(drawn.mean().item(), 4),
    }


def certainty(
    chat: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", count: int
) -> list[dict[str, float]]:
    """Measure how often all tries at a problem end alike, at several temperatures.

    The problems are word problems in which anything may happen in any order. pocket-chat has
    learned others, from one solution each, and has become sure of what it says.
    """
    rng = random.Random(SEED)
    problems = [arithmetic.problem(rng, "train", free=True) for _ in range(count)]
    records = [
        {"prompt": [{"role": "user", "content": p.question}], "answer": str(p.answer)}
        for p in problems
        for _ in range(TRIES)
    ]
    rows = []
    for temperature in TEMPERATURES:
        said = answers(chat, tokenizer, records, temperature=temperature, max_new_tokens=LONGEST)
        groups = right(records, said).view(-1, TRIES)
        alike = (groups == groups[:, :1]).all(dim=1).float()
        rows.append(
            {
                "temperature": temperature,
                "right": round(groups.mean().item(), 4),
                "alike": round(alike.mean().item(), 4),
            }
        )
    return rows


def measure(*, scale: float = 1.0, chat: str | Path = "chat") -> dict[str, object]:
    """Train on sums with GRPO and with supervised fine-tuning, and measure both on held-out sums.

    Args:
        scale: Share of the steps and of the items.
        chat: Where training starts, a role or a folder.

    Returns:
        ``models``: what `measured` says of pocket-chat, of the model that has seen the form, and of
        the two that were trained further; ``curves`` of GRPO over its steps (``right``, the mean
        reward; ``alike``, the share of the groups with equal rewards; ``entropy``, nats per
        token); ``certainty``, see there; and the settings.
    """
    steps, count = max(2, round(STEPS * scale)), max(8, round(ITEMS * scale))
    model, tokenizer = load(chat)
    model = model.float()
    asked = sums(SEED, "eval", count)
    start = shown_the_form(model, tokenizer)
    records = sums(0, "train", steps * STEP["batch_size"] // GROUP["group_size"])
    policy = copy.deepcopy(start)
    settings = TrainingSettings(steps=steps, **STEP)
    trainer = grpo_trainer(policy, tokenizer, records, exact_answer, settings, **GROUP)
    begun = time.monotonic()
    trainer.train()
    spent = time.monotonic() - begun
    models = {
        "pocket-chat": model,
        "shown the form": start,
        "GRPO": policy.eval(),
        "SFT": tuned(copy.deepcopy(start), tokenizer, records),
    }
    log = history(trainer)
    return {
        "steps": steps,
        **STEP,
        **GROUP,
        "shown_form": SHOWN_FORM,
        "problems": len(records),
        "items": count,
        "seconds_per_step": round(spent / steps, 2),
        "curves": {name: [round(row[key], 4) for row in log] for name, key in CURVES.items()},
        "models": {name: measured(net, tokenizer, asked) for name, net in models.items()},
        "certainty": certainty(model, tokenizer, max(2, round(PROBLEMS * scale))),
    }
