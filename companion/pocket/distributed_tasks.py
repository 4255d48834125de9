"""What `companion.pocket.distributed` runs in each process: two trainings, and rollouts.

Taught in :doc:`/book/training/many-processes`.
"""

import copy
import dataclasses
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from signal import SIGTERM
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from companion._files import in_words, replacing, write_whole
from companion.messages import tokenize_chat
from companion.models.loading import load, no_progress_bar
from companion.training.data import IGNORED, label_tokens
from companion.training.interrupts import held_interrupts
from companion.training.processes.loop import TrainingTask, token_losses, train
from companion.training.processes.progress import steps_done
from companion.training.processes.rollouts import shared_rollout
from companion.training.processes.sharing import held_here, whole_weights, wrap
from companion.training.processes.world import Batch, World, agreeing
from companion.training.rollout import encode_records

from .corpus import demonstrations, documents
from .pretrain import new_model
from .recipe import Recipe

SMALL = {
    "layers": 2,
    "width": 64,
    "heads": 2,
    "mlp_width": 176,
    "context": 128,
    "sequence_length": 128,
    "batch_tokens": 2048,
    "annealing_begins": 0,
    "warmup_steps": 5,
}
"""What ``--size small`` changes in the recipe of pocket-base."""

SFT_ROWS = 8  # conversations of a step
NEW_TOKENS = 32  # of a rollout


class Made(NamedTuple):
    """A task, and what is needed to keep its model."""

    task: TrainingTask
    tokenizer: PreTrainedTokenizerFast


def adamw(parameters: Iterator[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Return the optimizer of both tasks. It treats each number alone, so parts will do."""
    return torch.optim.AdamW(parameters, betas=(0.9, 0.95), weight_decay=0.0)


def pretraining(
    world: World, out: Path, *, size: str = "small", steps: int = 20, seed: int = 0
) -> Made:
    """Set up the pre-training of a pocket model. The first process writes the text, all read it.

    Args:
        world: The processes.
        out: Folder of the run.
        size: ``"small"`` or ``"base"``, which is that of pocket-base.
        steps: Steps of the whole run.
        seed: Fixes text and weights.
    """
    changes = SMALL if size == "small" else {}
    recipe = Recipe(steps=steps, seed=seed, **{"learning_rate": 2e-3, **changes})
    tokenizer = load("base", source="pocket").tokenizer
    rows = out / f"rows-{size}-{seed}-{steps}.safetensors"
    with agreeing():
        if world.first and not rows.exists():
            with in_words(rows), replacing(rows) as new:
                save_file({"tokens": _text(tokenizer, recipe)}, new)
    tokens = load_file(rows)["tokens"].long()

    def batches(first_step: int) -> Iterator[Batch]:
        for step in range(first_step, recipe.steps):
            part = tokens[step * recipe.batch_tokens : (step + 1) * recipe.batch_tokens]
            yield {"input_ids": part.view(-1, recipe.sequence_length_at(step))}

    recorded = dataclasses.asdict(recipe) | {"task": "pretrain"}
    model = new_model(recipe, tokenizer)
    rate = recipe.learning_rate_at
    return Made(TrainingTask(model, adamw, batches, token_losses, rate, steps, recorded), tokenizer)


def _text(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> Tensor:
    """Return the tokens of a run, documents packed one after the other."""
    ids: list[int] = []
    source, wanted = documents(recipe.seed), recipe.steps * recipe.batch_tokens
    with tqdm(total=wanted, unit="token", desc="text", disable=None) as bar:
        while len(ids) < wanted:
            ids += [*tokenizer(next(source).text)["input_ids"], tokenizer.eos_token_id]
            bar.update(len(ids) - bar.n)
    return torch.tensor(ids[:wanted], dtype=torch.int32)


def fine_tuning(world: World, out: Path, *, steps: int = 20, seed: int = 0) -> Made:
    """Set up supervised fine-tuning of pocket-base on conversations.

    Args:
        world: The processes.
        out: Folder of the run.
        steps: Steps of the whole run, of 8 conversations each.
        seed: Fixes the conversations.
    """
    model, tokenizer = load("base", source="pocket")
    records = demonstrations.records(seed, "train", steps * SFT_ROWS)

    def batches(first_step: int) -> Iterator[Batch]:
        for step in range(first_step, steps):
            part = records[step * SFT_ROWS : (step + 1) * SFT_ROWS]
            yield conversations(tokenizer, [record["messages"] for record in part])

    def rate(step: int) -> float:
        return 1e-3 * (1 - step / steps)

    recorded = {"task": "sft", "steps": steps, "seed": seed}
    return Made(
        TrainingTask(model.float(), adamw, batches, token_losses, rate, steps, recorded), tokenizer
    )


def conversations(tokenizer: PreTrainedTokenizerFast, turns: list[list[dict[str, str]]]) -> Batch:
    """Pad conversations on the right; only what the assistant writes has labels."""
    chats = [tokenize_chat(tokenizer, messages) for messages in turns]
    lengths = [len(chat.input_ids) for chat in chats]
    pad = partial(pad_sequence, batch_first=True)
    return {
        "input_ids": pad([torch.tensor(chat.input_ids) for chat in chats]),
        "attention_mask": pad([torch.ones(length, dtype=torch.long) for length in lengths]),
        "labels": pad([torch.tensor(label_tokens(c)) for c in chats], padding_value=IGNORED),
    }


def run(
    made: Made, world: World, out: Path, *, sharing: str, save_every: int, bf16: bool = False
) -> None:
    """Train with a progress bar, log to ``log.jsonl`` and export the weights at the end."""
    task, log = made.task, out / "log.jsonl"
    begun = steps_done(out)
    kept = log.read_text(encoding="utf-8").splitlines()[:begun] if log.exists() else []
    with agreeing(), in_words(log):
        if world.first:
            write_whole(log, "".join(line + "\n" for line in kept))
    hidden = None if world.first else True  # None: show on a terminal
    with (
        held_interrupts(SIGTERM) as stop,
        tqdm(total=task.steps, initial=begun, unit="step", disable=hidden) as bar,
    ):
        options = {"sharing": sharing, "save_steps": save_every, "stop": stop}
        options |= {"dtype": torch.bfloat16 if bf16 else None}
        for record in train(task, world, out, **options):
            if world.first:
                facts = {**record, "processes": world.size, "held": held_here(task.model)}
                _append(log, json.dumps(facts) + "\n")
            bar.update()
            bar.set_postfix(loss=f"{record['loss']:.3f}", refresh=False)
    weights = whole_weights(task.model)
    with agreeing(), in_words(out / "model"), no_progress_bar():
        if world.first:
            plain = LlamaForCausalLM(task.model.config)
            plain.load_state_dict(weights)
            plain.half().save_pretrained(out / "model")
            made.tokenizer.save_pretrained(out / "model")


def _append(log: Path, line: str) -> None:
    """Write a line at the end of a file; on a full disk, nothing of it."""
    before = log.stat().st_size
    try:
        with in_words(log), log.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError:
        os.truncate(log, before)
        raise


def write_rollouts(world: World, out: Path, *, sharing: str, count: int, seed: int) -> None:
    """Let pocket-chat answer prompts, each process its share, and write ``rollouts.jsonl``."""
    model, tokenizer = load("chat", source="pocket")
    writer = model.float().eval().to(world.device)
    if sharing == "fsdp":  # as while training: the policy is shared out, a whole copy writes
        writer = copy.deepcopy(model)
        writer.load_state_dict(whole_weights(wrap(model, sharing, world), everywhere=True))
    records = [
        {"prompt": record["messages"][:-1]}
        for record in demonstrations.records(seed, "eval", count)
    ]
    batch = shared_rollout(
        writer,
        tokenizer,
        encode_records(tokenizer, records, max_length=None),
        max_new_tokens=NEW_TOKENS,
        world=world,
        generator=torch.Generator().manual_seed(seed),
    )
    if world.first:
        lines = [
            json.dumps({**record, "response": text, "finished": done}, ensure_ascii=False)
            for record, text, done in zip(records, batch.responses, batch.finished, strict=True)
        ]
        with in_words(out / "rollouts.jsonl"):
            write_whole(out / "rollouts.jsonl", "".join(line + "\n" for line in lines))
