"""LoRA and QLoRA on the open model: seven kinds of exact instructions, and what is forgotten.

SmolLM2-135M-Instruct is trained on a mixture of instructions that it answers in its own words
instead of the form that is asked for. Its weights are frozen in float32 (LoRA) or in NF4 (QLoRA);
both times the adapter has rank 16 in all linear layers, alpha 32, as QLoRA's authors advise for
small models (Dettmers et al. 2023, https://arxiv.org/abs/2305.14314: learning rate 2e-4, all linear
layers). That rate and one five times as high are compared by the loss on development items, after a
few steps. Held-out items are asked before and after. Taught in :doc:`/book/training/lora` and
:doc:`/book/open-models/qlora`.

Products are computed in bfloat16, the adapter is kept in float32. QLoRA gets half as many steps.

Left out: several seeds, other ranks, more than one pass over the records.
"""

from functools import partial
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

from ._adapting import (
    answer_loss,
    asked_items,
    follows,
    mean_share,
    remembers,
    rounded,
    train,
    versions,
)
from ._exact_instructions import as_records, training_items
from ._instructions import training_bytes
from ._process import in_its_own_process, peak_bytes
from ._side_by_side import ORIGIN
from ._stages import stages

RATES = (2e-4, 1e-3)
RANK, ALPHA = 16, 32
TRIAL_STEPS = 8
ROWS, LENGTH = 2, 224
"""Packed rows of a step, and their tokens: eight records on average."""
RECORDS = 320
ASKED, DEVELOPMENT = 20, 6
"""Items of each kind: held out, and to choose the learning rate by."""


class Variant(NamedTuple):
    """How the frozen weights are kept, and how long the adapter is trained."""

    quantization: str | None
    steps: int


VARIANTS = {"lora": Variant(None, 40), "qlora": Variant("nf4", 20)}


def measure(*, scale: float = 1.0, model: str = "smollm2") -> dict[str, Any]:
    """Choose a learning rate, train both ways, and ask held-out items before and after.

    Args:
        scale: Below 1, fewer steps and items.
        model: What is trained.

    Returns:
        ``trials`` (loss on development items by learning rate), ``before``, and by variant
        ``trained`` (see `one_variant`).
    """
    settings = {"scale": scale, "model": model, "rates": RATES, "variants": VARIANTS, "rank": RANK}
    with stages("open_lora", **settings, records=RECORDS, rows=ROWS, length=LENGTH) as stage:
        told = {"folder": str(stage.folder), "scale": scale, "model": model}
        trials = {
            str(rate): stage(f"trial-{rate}", partial(_alone, one_trial, str(rate), told))
            for rate in RATES
        }
        best = min(RATES, key=lambda rate: trials[str(rate)]["loss"])
        before = stage("before", partial(_alone, asked_before, "before", told))
        told["rate"] = best
        trained = {name: stage(name, partial(_alone, one_variant, name, told)) for name in VARIANTS}
    return {
        "origin": ORIGIN,
        "versions": versions("bitsandbytes"),
        "settings": {"rank": RANK, "alpha": ALPHA, "records": RECORDS,
                     "rows": ROWS, "length": LENGTH, "learning_rate": best},
        "trials": trials,
        "before": before,
        "trained": trained,
    }  # fmt: skip


def _alone(run: Any, name: str, told: dict[str, Any]) -> dict[str, Any]:
    return in_its_own_process(run, name, **told)


def one_trial(rate: str, *, folder: str, scale: float, model: str) -> dict[str, Any]:
    """Train a little at one learning rate, and return the ``loss`` on development items."""
    loaded, found, _ = _train(float(rate), TRIAL_STEPS, f"{folder}/trial-{rate}", scale, model)
    asked = asked_items("development", rounded(DEVELOPMENT, scale))
    told = [item for chosen in asked.values() for item in chosen if item.answer]
    return {"loss": answer_loss(loaded, told), "losses": found["losses"]}


def asked_before(name: str, *, folder: str, scale: float, model: str) -> dict[str, Any]:
    """Ask the untrained model; trains nothing, so it leaves ``folder`` alone."""
    return _asked(load(model, device="cpu"), scale)


def one_variant(name: str, *, folder: str, scale: float, model: str, rate: float) -> dict[str, Any]:
    """Train one variant and ask held-out items.

    Returns:
        What `companion.pocket.experiments._adapting.train` returns; ``trainable`` parameters
        beside the model's ``parameters``; ``weight_bytes`` as measured, ``computed_bytes`` as the
        calculator has them; bytes of adapter, gradients and optimizer; and what `_asked` returns.
    """
    kind, steps = VARIANTS[name]
    loaded, found, sizes = _train(rate, steps, f"{folder}/{name}", scale, model, kind)
    if kind is None:  # the same model, and quicker
        loaded = loaded._replace(model=loaded.model.merge_and_unload())
    return {"steps": steps} | found | sizes | _asked(loaded, scale)


def _asked(loaded: LoadedModel, scale: float) -> dict[str, Any]:
    found = follows(loaded, asked_items("held_out", rounded(ASKED, scale)))
    return {"mean": mean_share(found), "kinds": found} | remembers(loaded, scale)


def _train(
    rate: float, steps: int, folder: str, scale: float, name: str, kind: str | None = None
) -> tuple[LoadedModel, dict[str, Any], dict[str, Any]]:
    """Return the trained model, the course of its training, and what it takes in memory."""
    model, tokenizer = load(name, device="cpu", quantization=kind)
    counts = count_weights(_skeleton(model))
    sizes = {
        "parameters": counts.total,
        "weight_bytes": measured_bytes(model),
        "computed_bytes": weight_bytes(counts, kind, dtype="float32"),
    }
    tuned = apply_lora(model, rank=RANK, alpha=ALPHA)
    trainable = count_parameters(tuned).trainable
    kept = training_bytes(trainable, trainable)
    steps = rounded(steps, scale)
    settings = TrainingSettings(
        steps=steps,
        batch_size=ROWS,
        learning_rate=rate,
        output_dir=folder,
        save_steps=min(4, steps),
        mixed_precision=True,
    )
    sizes["set_up_bytes"] = peak_bytes()
    records = as_records(training_items(RECORDS))
    found = train(sft_trainer(tuned, tokenizer, records, settings, max_length=LENGTH, packing=True))
    sizes |= {
        "trainable": trainable,
        "adapter_bytes": kept["weights"],
        "state_bytes": kept["gradients"] + kept["optimizer"],
    }
    return LoadedModel(tuned.eval(), tokenizer), found, sizes


def _skeleton(model: Any) -> Any:
    """Build the same model without weights, not quantized."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(model.config)
