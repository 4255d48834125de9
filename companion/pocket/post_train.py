"""Post-train the pocket models: pocket-chat from pocket-base, pocket-reward from pocket-chat.

    python -m companion.pocket.post_train chat --out runs/chat
    python -m companion.pocket.post_train reward --out runs/reward

The same set-ups that the pages use, on more data. A run writes checkpoints and goes on from the
last one when it is started again with the same ``--out``. Taught in
:doc:`/book/training/instruction-tuning` and :doc:`/book/training/reward-model`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from companion._claim import claimed
from companion._files import write_whole
from companion.errors import CompanionError
from companion.models import load
from companion.training.reward_model import reward_model_from, reward_trainer
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from companion.training.trainer import history, resume

from .corpus import demonstrations, preferences

SAVE_STEPS = 50


class Plan(NamedTuple):
    """How a model is post-trained.

    Args:
        base: Model to start from. The reward model starts from pocket-chat, which knows what a
            good answer to the same questions is.
        records: Number of training records that are drawn.
        steps: Optimizer steps.
        batch_size: Rows of a step: packed rows of 512 tokens for the chat model, pairs for the
            reward model.
        learning_rate: Highest learning rate.
        mixed_precision: Compute matrix products in bfloat16, which pays on CPUs that have it.
    """

    base: str
    records: int
    steps: int
    batch_size: int
    learning_rate: float
    mixed_precision: bool | None = None


PLANS = {
    "chat": Plan("base", records=130_000, steps=1_300, batch_size=16, learning_rate=1e-3),
    "reward": Plan("chat", records=38_400, steps=1_200, batch_size=32, learning_rate=1e-3),
}


def settings(plan: Plan, out: Path, seed: int) -> TrainingSettings:
    """Return the settings of a run that writes checkpoints into ``out``."""
    return TrainingSettings(
        steps=plan.steps,
        batch_size=plan.batch_size,
        learning_rate=plan.learning_rate,
        mixed_precision=plan.mixed_precision,
        output_dir=out / "checkpoints",
        save_steps=SAVE_STEPS,
        seed=seed,
    )


def chat_trainer(plan: Plan, out: Path, *, seed: int = 0) -> tuple[Any, Any]:
    """Return the trainer of pocket-chat and its tokenizer."""
    model, tokenizer = load(plan.base)
    records = demonstrations.records(seed, "train", plan.records)
    trainer = sft_trainer(model, tokenizer, records, settings(plan, out, seed), packing=True)
    return trainer, tokenizer


def reward_model_trainer(plan: Plan, out: Path, *, seed: int = 0) -> tuple[Any, Any]:
    """Return the trainer of pocket-reward and its tokenizer."""
    model, tokenizer = load(plan.base)
    model, pairs = reward_model_from(model), preferences.pairs(seed, "train", plan.records)
    return reward_trainer(model, tokenizer, pairs, settings(plan, out, seed)), tokenizer


TRAINERS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "chat": chat_trainer,
    "reward": reward_model_trainer,
}


@contextmanager
def timed(file: Path) -> Iterator[None]:
    """Add the seconds that the block takes to those in ``file``, also if it is interrupted."""
    before = float(file.read_text(encoding="utf-8")) if file.exists() else 0.0
    begun = time.monotonic()
    try:
        yield
    finally:
        write_whole(file, f"{before + time.monotonic() - begun:.0f}\n")


def write_log(out: Path, entries: list[dict[str, float]]) -> None:
    """Write one line of JSON per step, as pre-training does; the last one has the seconds."""
    lines = [entry | {"tokens": int(entry["num_tokens"])} for entry in entries]
    lines[-1]["seconds"] = float((out / "seconds.txt").read_text(encoding="utf-8"))
    write_whole(out / "log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def post_train(role: str, out: Path, *, plan: Plan | None = None, seed: int = 0) -> Path:
    """Train the model of ``role``, or go on with it, and export it.

    Args:
        role: ``"chat"`` or ``"reward"``.
        out: Folder for checkpoints, ``log.jsonl`` and the exported model.
        plan: How to train; that of `PLANS` if None.
        seed: Fixes the data and their order.

    Returns:
        Folder of the model, weights in float16.

    Raises:
        ValueError: If the role is unknown.
        CompanionError: If the checkpoint belongs to another user, or another process writes there.
    """
    if role not in PLANS:
        raise ValueError(f"role must be one of {sorted(PLANS)}, got {role!r}")
    out.mkdir(parents=True, exist_ok=True)
    with claimed(out):
        trainer, tokenizer = TRAINERS[role](plan or PLANS[role], out, seed=seed)
        with timed(out / "seconds.txt"):
            resume(trainer)
        write_log(out, history(trainer))
        trainer.model.half().save_pretrained(out / "model")
        tokenizer.save_pretrained(out / "model")
    return out / "model"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.pocket.post_train",
        description="Train pocket-chat or pocket-reward; goes on from --out.",
    )
    parser.add_argument("role", choices=PLANS)
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and model")
    parser.add_argument("--base", help="role or folder (default: base for chat, chat for reward)")
    parser.add_argument("--steps", type=int, help="optimizer steps (default: 1300 and 1200)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--bf16", action="store_true", help="compute in bfloat16 (newer CPUs)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    plan = PLANS[options.role]
    try:
        folder = post_train(
            options.role,
            options.out,
            plan=plan._replace(
                base=options.base or plan.base,
                steps=options.steps or plan.steps,
                mixed_precision=options.bf16 or None,
            ),
            seed=options.seed,
        )
    except KeyboardInterrupt:
        message = f"\nStopped. Start the same command again to go on from {options.out}."
        print(message, file=sys.stderr)  # noqa: T201
        return 130
    except (CompanionError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"wrote {folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
