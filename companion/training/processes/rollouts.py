"""Rollouts on several processes: each answers its share of the prompts, all get all answers.

The answers are those of one process (`companion.training.rollout.rollout`) with the same generator:
each process skips the random numbers of the prompts before its own. Sampling is where most of the
time of PPO goes, and it needs no communication until the end. Taught in
:doc:`/book/training/many-processes`.

Left out: a model whose weights are shared out. Every new token would collect all of them; give each
process a whole copy (`companion.training.processes.sharing.whole_weights`).

Shape letters: ``B`` prompts, ``T`` new tokens at most.
"""

from typing import TYPE_CHECKING

import torch

from companion.generation.params import SamplingParams
from companion.generation.sampling import draw_uniforms
from companion.training.processes.world import World, total
from companion.training.rollout import (
    Rollout,
    assemble_written,
    empty_responses,
    rollout,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def shared_rollout(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: list[list[int]],
    *,
    max_new_tokens: int,
    world: World,
    generator: torch.Generator,
) -> Rollout:
    """Let the processes answer prompts together.

    Taught in :doc:`/book/training/many-processes`.

    Args:
        model: A causal language model in eval mode, whole and the same in every process.
        tokenizer: Its tokenizer, with a chat template.
        prompts: Token ids of *all* prompts, ``B`` lists, the same in every process.
        max_new_tokens: Length at which a response is cut off.
        world: The processes.
        generator: Source of randomness, in the same state in every process.

    Returns:
        All responses in the order of the prompts, the same in every process.

    Raises:
        ValueError: If there are fewer prompts than processes.
    """
    if len(prompts) < world.size:
        raise ValueError(
            f"each of the {world.size} processes needs a prompt, got {len(prompts)}: give more, or "
            "take fewer processes"
        )
    # 1. Mine are these. Numbers of the prompts before and after them are drawn and thrown away.
    pieces = torch.arange(len(prompts)).tensor_split(world.size)
    start, mine = int(pieces[world.rank][0]), len(pieces[world.rank])
    draw_uniforms(start, max_new_tokens, generator)
    batch = rollout(
        model,
        tokenizer,
        prompts[start : start + mine],
        max_new_tokens=max_new_tokens,
        generator=generator,
    )
    draw_uniforms(len(prompts) - start - mine, max_new_tokens, generator)

    # 2. A table of ids, 0 where this process has nothing; the sum over the processes has them all.
    table = torch.zeros(len(prompts), max_new_tokens, dtype=torch.long)  # (B, T)
    width = batch.completion_mask.shape[1]
    new = torch.where(batch.completion_mask, batch.input_ids[:, -width:] + 1, 0)
    table[start : start + mine, :width] = new.cpu()
    table = total(table)

    # 3. Texts and how they ended follow from the ids.
    params = SamplingParams(max_new_tokens=max_new_tokens)
    written = empty_responses(model, tokenizer, len(prompts), params)
    for sequence, row in zip(written, table.tolist(), strict=True):
        for number in filter(None, row):
            sequence.append(number - 1, 0.0)
    return assemble_written(model, tokenizer, prompts, written)
