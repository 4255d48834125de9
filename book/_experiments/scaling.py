"""Train models of six sizes on several budgets of compute, and compare their held-out losses.

The sizes share tokenizer, corpus, optimizer and schedule; each run has its own schedule, which ends
where its budget ends, as in approach 2 of Hoffmann et al. 2022, https://arxiv.org/abs/2203.15556.
Compute is ``6 * N * D`` floating-point operations for ``D`` tokens (Kaplan et al. 2020, section
2.1, https://arxiv.org/abs/2001.08361). Here ``N`` counts the output layer besides the blocks: in
models this small it is a large part of the work. Taught in :doc:`/book/training/pretraining`.

Left out: tuning of the learning rate for each size, repeated seeds, mixtures that change.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tqdm import tqdm
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from companion.models import load
from companion.pocket.pretrain import new_model, train
from companion.pocket.recipe import Recipe
from companion.pocket.studies.held_out import ROWS, held_out_loss, held_out_rows
from companion.pocket.studies.scaling import SIZES, compute, parameter_counts, recipe_for
from companion.training.checkpoint import load_parameters, read

CURVE_POINTS = 40


GRID = (
    *((name, 2e11) for name in ("10 k", "47 k", "189 k", "554 k")),
    *((name, 6e11) for name in ("10 k", "47 k", "189 k", "554 k", "1.2 M")),
    *((name, 2e12) for name in ("10 k", "47 k", "189 k", "554 k", "1.2 M", "2.7 M")),
    *((name, 6e12) for name in ("47 k", "189 k", "554 k", "1.2 M", "2.7 M")),
)
"""Sizes and budgets, without the sizes that are plainly too large or too small for a budget."""


def trained_model(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> LlamaForCausalLM:
    """Return the model as the checkpoint in ``folder`` has it, in eval mode."""
    model = new_model(recipe, tokenizer)
    load_parameters(folder, read(folder)[0], {"model": model})
    return model.eval()


def run(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, rows: torch.Tensor, folder: Path
) -> dict[str, Any]:
    """Train one model and return its loss curve, its held-out loss and what it took."""
    steps = train(recipe, tokenizer, folder, save_every=recipe.steps)
    curve = [record["loss"] for record in steps]
    every = max(1, recipe.steps // CURVE_POINTS)
    points = range(every, recipe.steps + 1, every)  # mean of the last `every` steps at each
    parameters, output_layer = parameter_counts(recipe)
    model = trained_model(recipe, tokenizer, folder)
    return {
        "parameters": parameters,
        "output_layer": output_layer,
        "steps": recipe.steps,
        "tokens": recipe.steps * recipe.batch_tokens,
        "compute": compute(recipe),
        "held_out_loss": round(held_out_loss(model, rows), 4),
        "curve_steps": list(points),
        "curve_loss": [round(sum(curve[i - every : i]) / every, 3) for i in points],
    }


def measure(*, scale: float = 1.0, grid: Sequence[tuple[str, float]] = GRID) -> dict[str, object]:
    """Train every model of the grid.

    Args:
        scale: Factor of the budgets and of the held-out text.
        grid: Names of `SIZES` with budgets in floating-point operations.

    Returns:
        ``runs``, one dict each, and ``base``: the loss of pocket-base on the same text, with its
        own size, tokens and compute.
    """
    base, tokenizer = load("base")
    rows = held_out_rows(tokenizer, count=max(2, round(ROWS * scale)))
    runs = []
    for name, budget in tqdm(grid, disable=None, unit="run"):
        recipe = recipe_for(SIZES[name], budget * scale, vocab_size=len(tokenizer))
        with TemporaryDirectory() as folder:
            results = run(recipe, tokenizer, rows, Path(folder))
        runs.append({"size": name, "budget": budget * scale, **results})
    recipe = Recipe(vocab_size=len(tokenizer))
    parameters, output_layer = parameter_counts(recipe)
    return {
        "held_out_tokens": rows.numel(),
        "runs": runs,
        "base": {
            "parameters": parameters,
            "output_layer": output_layer,
            "tokens": recipe.steps * recipe.batch_tokens,
            "compute": compute(recipe),
            "held_out_loss": round(held_out_loss(base, rows), 4),
        },
    }
