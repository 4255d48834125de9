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

import torch

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation
from companion.messages import prompt_text
from companion.models import load
from companion.pocket.corpus import arithmetic
from companion.pocket.corpus.holdout import held_out
from companion.pocket.tasks import SEED
from companion.prompts.evaluation import Accuracy
from companion.rewards import exact_answer
from companion.training.grpo import grpo_trainer
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from companion.training.trainer import history

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

STEP = {"batch_size": 64, "learning_rate": 1e-4}
GROUP = {"group_size": 8, "max_new_tokens": 8}
SFT = {"batch_size": 16, "learning_rate": 3e-4}
SHOWN_FORM = 64  # sums with their solutions that come before GRPO
STEPS = 80
ITEMS = 400
TEMPERATURES = (1.0, 1.5, 2.0, 2.5)
PROBLEMS, TRIES, LONGEST = 32, 8, 80
CURVES = {
    "right": "reward",
    "alike": "frac_reward_zero_std",
    "entropy": "entropy",
}


def sums(seed: int, split: str, count: int) -> list[dict[str, Any]]:
    """Return sums and differences of numbers below 100 as records with ``prompt`` and ``answer``.

    Args:
        seed: Fixes the sums.
        split: "train", or "eval" for those that no training saw, pre-training included.
        count: Number of records.
    """
    rng = random.Random(f"sums-{seed}-{split}")
    problems = []
    while len(problems) < count:
        a, op, b = rng.randrange(100), rng.choice("+-"), rng.randrange(100)
        a, b = (max(a, b), min(a, b)) if op == "-" else (a, b)
        if held_out(a, op, b) == (split == "eval"):
            asked = {"role": "user", "content": f"What is {a} {op} {b}?"}
            problems.append({"prompt": [asked], "answer": str(a + b if op == "+" else a - b)})
    return problems


def with_solution(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record for supervised fine-tuning: the prompt and the right answer."""
    return {"messages": [*record["prompt"], {"role": "assistant", "content": record["answer"]}]}


def shown_the_form(chat: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> Any:
    """Return a copy of a chat model after a few steps on sums with their solutions."""
    model = copy.deepcopy(chat)
    return tuned(model, tokenizer, sums(1, "train", SHOWN_FORM))


def tuned(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
) -> Any:
    """Train ``model`` in place on every record with its solution, once; returns it in eval mode."""
    solved = [with_solution(record) for record in records]
    steps = len(solved) // SFT["batch_size"]
    sft_trainer(model, tokenizer, solved, TrainingSettings(steps=steps, **SFT)).train()
    return model.eval()


def answers(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
    *,
    temperature: float = 0.0,
    max_new_tokens: int = GROUP["max_new_tokens"],
    seed: int = SEED,
) -> list[Generation]:
    """Let a model answer each prompt."""
    params = SamplingParams(max_new_tokens=max_new_tokens, temperature=temperature)
    texts = [prompt_text(tokenizer, record["prompt"]) for record in records]
    generator = torch.Generator().manual_seed(seed)
    return [
        answer
        for first in range(0, len(texts), 64)
        for answer in generate(
            model, tokenizer, texts[first : first + 64], params, generator=generator
        )
    ]


def right(records: Sequence[Mapping[str, Any]], said: Sequence[Generation]) -> torch.Tensor:
    """Return 1 for each right answer and 0 for each other, shape ``(B,)``."""
    return exact_answer(records, [answer.text.strip() for answer in said])


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
