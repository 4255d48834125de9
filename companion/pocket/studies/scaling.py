"""Models of six sizes, and the recipe that spends a budget of compute on one of them.

Compute is ``6 * N * D`` floating-point operations for ``D`` tokens (Kaplan et al. 2020, section
2.1, https://arxiv.org/abs/2001.08361). Here ``N`` counts the output layer besides the blocks: in
models this small it is a large part of the work. Taught in :doc:`/book/training/pretraining`.

Left out: the runs themselves, which the experiment ``scaling`` does.
"""

from typing import NamedTuple

from companion.pocket.recipe import SHARD_TOKENS, Recipe

from .held_out import CONTEXT

BATCH_TOKENS = 2048


class Size(NamedTuple):
    """Shape of a model."""

    layers: int
    width: int
    heads: int


SIZES = {
    "10 k": Size(layers=4, width=16, heads=1),
    "47 k": Size(layers=4, width=32, heads=1),
    "189 k": Size(layers=4, width=64, heads=2),
    "554 k": Size(layers=5, width=96, heads=3),
    "1.2 M": Size(layers=6, width=128, heads=4),
    "2.7 M": Size(layers=6, width=192, heads=6),
}
"""By the number of parameters outside the embedding."""


def recipe_for(size: Size, budget: float, *, vocab_size: int, seed: int = 0) -> Recipe:
    """Return the recipe that spends a budget on a model of some size.

    Args:
        size: One of `SIZES`, or another.
        budget: Floating-point operations of the whole training.
        vocab_size: Tokens that the model knows.
        seed: Fixes weights and text.

    Example:
        >>> recipe = recipe_for(SIZES["47 k"], 6e11, vocab_size=2048)
        >>> recipe.steps, f"{compute(recipe):.1e}"
        (432, '6.0e+11')
    """
    shape = {
        "layers": size.layers,
        "width": size.width,
        "heads": size.heads,
        "mlp_width": size.width * 8 // 3 // 16 * 16,
        "vocab_size": vocab_size,
    }
    per_token = 6 * sum(parameter_counts(Recipe(**shape)))
    steps = max(2, round(budget / (per_token * BATCH_TOKENS)))
    return Recipe(
        **shape,
        seed=seed,
        context=CONTEXT,
        sequence_length=CONTEXT,
        batch_tokens=BATCH_TOKENS,
        steps=steps,
        warmup_steps=max(1, steps // 10),
        annealing_begins=10_000 * (SHARD_TOKENS // BATCH_TOKENS),  # never: one mixture throughout
    )


def parameter_counts(recipe: Recipe) -> tuple[int, int]:
    """Return the parameters outside the embedding, and those of the output layer, which is tied."""
    width = recipe.width
    block = 4 * width * width + 3 * width * recipe.mlp_width + 2 * width
    return recipe.layers * block + width, recipe.vocab_size * width


def compute(recipe: Recipe, *, steps: int | None = None) -> float:
    """Return the floating-point operations of a training.

    Args:
        recipe: What is trained, and on how many tokens.
        steps: Only the first so many steps; by default all.
    """
    tokens = recipe.batch_tokens * (recipe.steps if steps is None else steps)
    return 6.0 * sum(parameter_counts(recipe)) * tokens
