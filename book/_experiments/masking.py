"""What is learned when the prompt counts in the loss, and when the end of the turn does not.

Taught in :doc:`/book/training/instruction-tuning`.
"""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.generation.sequences import Generation
from companion.models import load
from companion.pocket.studies.short_instructions import TASKS, answered, judged, short_records
from companion.pocket.tasks import SEED
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

VARIANTS = {
    "answer and its end": {},
    "prompt counts too": {"mask_prompt": False},
    "end does not count": {"learn_eos": False},
}
STEPS = (15, 30, 60)
SEEDS = 2
ITEMS = 96


def measure(*, scale: float = 1.0, base: str | Path = "base") -> dict[str, object]:
    """Fine-tune pocket-base on short instructions in three ways, for several numbers of steps.

    Args:
        scale: Share of the steps, seeds and items.
        base: Model to start from, a role or a folder.

    Returns:
        ``steps``, and under ``variants`` for each way and number of steps the means over the seeds
        of ``exact`` (right, and stopped), ``begins_right`` (right, whatever follows), ``stopped``
        and ``tokens`` (length of the answers); ``said`` has answers of the last run.
    """
    model, tokenizer = load(base)
    steps = [max(1, round(number * scale)) for number in STEPS]
    seeds = max(1, round(SEEDS * scale))
    held_out = short_records(SEED, "eval", max(12, round(ITEMS * scale)))
    results: dict[str, Any] = {}
    for name, settings in VARIANTS.items():
        results[name] = {key: [] for key in ("exact", "begins_right", "stopped", "tokens")}
        for number in steps:
            runs = [
                tuned(model, tokenizer, held_out, steps=number, seed=seed, **settings)
                for seed in range(seeds)
            ]
            judgments = [judged(held_out, answers) for answers in runs]
            for key, values in results[name].items():
                values.append(round(sum(judgment[key] for judgment in judgments) / seeds, 4))
        results[name]["said"] = [answer.text for answer in runs[-1][: len(TASKS)]]
    return {
        "steps": steps,
        "seeds": seeds,
        "items": len(held_out),
        "asked": [record["messages"][0]["content"] for record in held_out[: len(TASKS)]],
        "variants": results,
    }


def tuned(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    held_out: list[dict[str, Any]],
    *,
    steps: int,
    seed: int,
    **loss: bool,
) -> list[Generation]:
    """Return what a copy of the model answers after ``steps`` updates with 16 records each."""
    trained = copy.deepcopy(model).float()
    records = short_records(seed, "train", 16 * steps)
    settings = TrainingSettings(steps=steps, batch_size=16, seed=seed)
    sft_trainer(trained, tokenizer, records, settings, **loss).train()
    return answered(trained, tokenizer, held_out)
