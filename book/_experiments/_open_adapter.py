"""LoRA on the open model, its weights frozen in float32 or in 4 bits: a training, its measures.

The adapter has rank 16 in all linear layers and alpha 32. Products are computed in bfloat16, the
adapter is kept in float32.
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM

from companion.lora import count_parameters
from companion.models import load
from companion.models.loading import LoadedModel
from companion.quantization.footprint import count_weights, measured_bytes, weight_bytes
from companion.training.adapters import apply_lora
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer

from ._adapting import answer_loss, asked_items, follows, mean_share, remembers, rounded, train
from ._exact_instructions import as_records, training_items
from ._instructions import training_bytes
from ._process import peak_bytes
from ._stages import Stages

RANK, ALPHA = 16, 32
RECORDS = 256
ROWS, LENGTH = 2, 224
"""Packed rows of a step, and their tokens: eight records on average."""
ASKED, DEVELOPMENT = 20, 4
"""Items of each kind: held out, and to choose the learning rate by."""
SETTINGS = {"rank": RANK, "alpha": ALPHA, "records": RECORDS, "rows": ROWS, "length": LENGTH}


class Plan(NamedTuple):
    """What a training is told.

    Args:
        folder: Of the stages and the checkpoints.
        scale: Below 1, fewer steps and items.
        model: What is trained.
        steps: Number of updates.
        rate: Learning rate.
        quantization: Format of the frozen weights; float32 if None.
    """

    folder: str
    scale: float
    model: str
    steps: int = 0
    rate: float = 0.0
    quantization: str | None = None


def one_trial(name: str, *, plan: list[Any]) -> dict[str, Any]:
    """Train a little, and return the ``loss`` on development items."""
    loaded, course, _ = _train(name, Plan(*plan))
    asked = asked_items("development", rounded(DEVELOPMENT, Plan(*plan).scale))
    answered = [item for chosen in asked.values() for item in chosen if item.answer]
    return {"loss": answer_loss(loaded, answered), "losses": course["losses"]}


def asked_before(name: str, *, plan: list[Any]) -> dict[str, Any]:
    """Ask the untrained model."""
    return _asked(name, load(Plan(*plan).model, device="cpu"), Plan(*plan))


def one_training(name: str, *, plan: list[Any]) -> dict[str, Any]:
    """Train and ask held-out items.

    Returns:
        What `_experiments._adapting.train` returns; ``trainable`` parameters
        beside the model's ``parameters``; ``weight_bytes`` as measured, ``computed_bytes`` as the
        calculator has them; bytes of adapter, gradients and optimizer; and the ``mean`` share and
        the ``kinds`` of instructions followed, ``capitals`` and ``perplexity``.
    """
    chosen = Plan(*plan)
    loaded, course, sizes = _train(name, chosen)
    if chosen.quantization is None:  # the same model, and quicker
        loaded = loaded._replace(model=loaded.model.merge_and_unload())
    return {"steps": chosen.steps} | course | sizes | _asked(name, loaded, chosen)


def _asked(name: str, loaded: LoadedModel, plan: Plan) -> dict[str, Any]:
    stage = Stages(Path(plan.folder))
    kinds = {}
    for kind, chosen in asked_items("held_out", rounded(ASKED, plan.scale)).items():
        kinds |= stage(f"{name}-{kind}", partial(follows, loaded, {kind: chosen}))
    kept = stage(f"{name}-kept", partial(remembers, loaded, plan.scale))
    return {"mean": mean_share(kinds), "kinds": kinds} | kept


def _train(name: str, plan: Plan) -> tuple[LoadedModel, dict[str, Any], dict[str, Any]]:
    """Return the trained model, the course of its training, and what it takes in memory."""
    model, tokenizer = load(plan.model, device="cpu", quantization=plan.quantization)
    counts = count_weights(_skeleton(model))
    sizes = {
        "parameters": counts.total,
        "weight_bytes": measured_bytes(model),
        "computed_bytes": weight_bytes(counts, plan.quantization, dtype="float32"),
    }
    tuned = apply_lora(model, rank=RANK, alpha=ALPHA)
    trainable = count_parameters(tuned).trainable
    kept = training_bytes(trainable, trainable)
    steps = rounded(plan.steps, plan.scale)
    settings = TrainingSettings(
        steps=steps,
        batch_size=ROWS,
        learning_rate=plan.rate,
        output_dir=f"{plan.folder}/{name}",
        save_steps=min(4, steps),
        mixed_precision=True,
    )
    sizes["set_up_bytes"] = peak_bytes()
    records = as_records(training_items(RECORDS))
    course = train(
        sft_trainer(tuned, tokenizer, records, settings, max_length=LENGTH, packing=True)
    )
    sizes |= {
        "trainable": trainable,
        "adapter_bytes": kept["weights"],
        "state_bytes": kept["gradients"] + kept["optimizer"],
    }
    return LoadedModel(tuned.eval(), tokenizer), course, sizes


def _skeleton(model: Any) -> Any:
    """Build the same model without weights, not quantized."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(model.config)
