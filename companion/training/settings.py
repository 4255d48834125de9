"""What every run of a trainer of TRL is told, whatever it learns from.

What a method needs besides (``beta``, ``packing``) are arguments of its own set-up:
`companion.training.sft`, `companion.training.reward_model`, `companion.training.dpo`,
`companion.training.grpo`. PPO has a loop of its own, and `companion.training.ppo_config`. Taught in
:doc:`/book/training/instruction-tuning`.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from companion._checks import check_fields, is_number, is_whole


@dataclass(frozen=True)
class TrainingSettings:
    """How to train. Taught in :doc:`/book/training/instruction-tuning`.

    Attributes:
        steps: Number of updates.
        batch_size: What an update learns from, over all processes together: records (SFT), pairs
            (reward model, DPO), responses (GRPO). None: 16, for GRPO 64.
        learning_rate: Highest learning rate. None: what suits the pocket models, see the set-up.
        peft_config: Trains an adapter only, such as ``peft.LoraConfig(...)``. The trained model
            is then ``trainer.model``.
        mixed_precision: Compute matrix products in 16 bits: bfloat16, or float16 on GPUs without
            it. None: on a GPU only. (A CPU with bfloat16 instructions is about three times as fast
            with it, one without them is slower.)
        output_dir: Folder for checkpoints. None: nothing is kept.
        save_steps: Write a checkpoint every so many steps; needs ``output_dir``.
        seed: Fixes the order of the data, dropout, new weights and what is sampled. Setting up a
            trainer sets the global generators to it.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> TrainingSettings(steps=0)
        Traceback (most recent call last):
        ValueError: steps must be a whole number from 1, got 0
    """

    steps: int
    batch_size: int | None = None
    learning_rate: float | None = None
    peft_config: Any = None
    mixed_precision: bool | None = None
    output_dir: str | Path | None = None
    save_steps: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field, so that a mistake shows before the model runs."""
        size, rate = self.batch_size, self.learning_rate
        rules = {
            "steps": (is_whole(self.steps), "a whole number from 1"),
            "batch_size": (size is None or is_whole(size), "a whole number from 1"),
            "learning_rate": (
                rate is None or (is_number(rate) and 0 < rate < float("inf")),
                "above 0",
            ),
            "save_steps": (
                self.save_steps is None or is_whole(self.save_steps),
                "a whole number from 1",
            ),
            "seed": (is_whole(self.seed, 0), "a whole number from 0"),
        }
        check_fields(self, rules)
        if self.save_steps and self.output_dir is None:
            raise ValueError("save_steps needs an output_dir to write the checkpoints to")

    def filled(self, *, batch_size: int, learning_rate: float) -> "TrainingSettings":
        """Return these settings with a method's own values where there is None."""
        return replace(
            self,
            batch_size=batch_size if self.batch_size is None else self.batch_size,
            learning_rate=learning_rate if self.learning_rate is None else self.learning_rate,
        )
