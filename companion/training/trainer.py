"""What the set-ups of TRL's trainers share: the book's defaults, silence, resuming, the history.

TRL's trainers build on `transformers.Trainer`. Out of the box they print a table, draw bars on
stderr, report each run to the Hub, compute in bfloat16, recompute activations and leave a folder
behind. Here they do none of that. Taught in :doc:`/book/training/instruction-tuning`.

Several processes share a batch and reach the same losses as one. Start the script with
``accelerate launch --multi_gpu --num_processes 2 script.py``, on CPUs as well: without the flag,
accelerate 1.15 starts a single process there, whatever number it is asked for. Or with
``torchrun --standalone --nproc-per-node 2 script.py``. See :doc:`/book/training/many-processes`.

Left out: hyperparameter search, metrics during training, everything that needs an account.
"""

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from companion._extras import quiet_imports
from companion.errors import CompanionError
from companion.models import pick_dtype
from companion.training.settings import TrainingSettings
from companion.training.silence import library, silence

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

with quiet_imports():
    from transformers import PrinterCallback, TrainerCallback, TrainingArguments

# TRL switches recomputing on, which costs time and saves memory that small models do not need. The
# switch has a new name since transformers 5.20 or so, and TRL's default uses the old one.
_NEW = "activation_checkpointing"
_RECOMPUTE = _NEW if _NEW in TrainingArguments.__dataclass_fields__ else "gradient_checkpointing"


def from_trl(name: str) -> tuple[type, type]:
    """Return a trainer of TRL, silenced by `quiet`, and the class of its arguments.

    Args:
        name: "SFT", "Reward", "DPO" or "GRPO".

    Returns:
        The trainer and its settings, for example ``(SFTTrainer, SFTConfig)``.

    Raises:
        MissingExtraError: If TRL is not installed.
    """
    trl = library("trl")
    with quiet_imports():  # TRL imports a trainer when it is first asked for
        return quiet(getattr(trl, f"{name}Trainer")), getattr(trl, f"{name}Config")


def common_arguments(
    model: "PreTrainedModel | PeftModel", settings: TrainingSettings
) -> dict[str, Any]:
    """Return the arguments that every trainer of TRL gets, for ``trl.SFTConfig(**...)``.

    The learning rate rises over the first 5 % of the steps and falls to 0 along a cosine. AdamW
    without weight decay, gradients clipped at norm 1. The trainer stays on the device of the model.

    Args:
        model: The model to train. In float16 it could not be trained; load it in float32.
        settings: How to train, `TrainingSettings.filled`. Without a folder for checkpoints there
            is a temporary one, deleted with the trainer.

    Returns:
        Keyword arguments.

    Raises:
        ValueError: If the batch can't be shared out, or the model can't be trained.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))  # set by `accelerate launch`
    if settings.batch_size % processes:
        raise ValueError(
            f"batch_size must be a multiple of the {processes} processes, got {settings.batch_size}"
        )
    if model.dtype == torch.float16:
        raise ValueError("a model in float16 can't be trained: load it with dtype='float32'")
    on_cpu = model.device.type == "cpu"
    mixed = not on_cpu if settings.mixed_precision is None else settings.mixed_precision
    half = torch.bfloat16 if on_cpu else pick_dtype(model.device)
    return {
        "output_dir": str(settings.output_dir or tempfile.mkdtemp(prefix="companion-training-")),
        "max_steps": settings.steps,
        "per_device_train_batch_size": settings.batch_size // processes,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": round(settings.steps * 0.05),
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "seed": settings.seed,
        "logging_steps": 1,
        "save_strategy": "steps" if settings.save_steps else "no",
        "save_steps": settings.save_steps or settings.steps,
        "save_total_limit": 2,
        "use_cpu": on_cpu,
        "bf16": mixed and half == torch.bfloat16,
        "fp16": mixed and half == torch.float16,
        _RECOMPUTE: False,
        "dataloader_pin_memory": not on_cpu,
        "ddp_find_unused_parameters": False,
        "report_to": "none",
        "disable_tqdm": True,
    }


@cache
def quiet(trainer_class: type) -> type:
    """Make a silent variant of a trainer class of TRL.

    It reports nothing over the network and writes nothing to stderr or stdout, but for a progress
    bar on a terminal. After training it hands the model back in eval mode and without the changes
    that TRL makes to its ``forward``. (With them, a ``deepcopy`` of the model would silently go on
    running the original.)

    Args:
        trainer_class: A trainer of TRL, for example ``trl.SFTTrainer``.

    Returns:
        A subclass of it with the same name.
    """

    class Quiet(trainer_class):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            with silence():
                super().__init__(*args, **kwargs)
            self.remove_callback(PrinterCallback)
            self.add_callback(TerminalBar())
            _give_bias(_core(self.model))
            self._fused_forward = _core(self.model).__dict__.pop("forward", None)
            if "companion-training-" in Path(self.args.output_dir).name:
                weakref.finalize(self, shutil.rmtree, self.args.output_dir, ignore_errors=True)

        def _send_telemetry(self) -> None:
            """Send nothing."""

        def train(self, *args: Any, **kwargs: Any) -> Any:
            try:
                with self._ready():
                    return super().train(*args, **kwargs)
            finally:
                self.model.eval()

        def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
            with self._ready():
                return super().evaluate(*args, **kwargs)

        @contextmanager
        def _ready(self) -> Iterator[None]:
            attributes = _core(self.model).__dict__
            outermost = "forward" not in attributes
            if outermost and self._fused_forward is not None:
                attributes["forward"] = self._fused_forward
            try:
                with silence():
                    yield
            finally:
                if outermost:
                    self._fused_forward = attributes.pop("forward", None)

    Quiet.__name__ = Quiet.__qualname__ = trainer_class.__name__
    return Quiet


def resume(trainer: Any) -> None:
    """Train from the last complete checkpoint in ``output_dir``, or from the start.

    An interrupted run goes on to the same losses that it would have had. Weights are safetensors;
    the states of the optimizer, the schedule and the random generators are files that
    `transformers` reads with ``torch.load(weights_only=True)``, which builds tensors and plain
    values only. Since that reader has had holes, a folder that belongs to another user is refused.
    Resume only runs that you started yourself. Taught in :doc:`/book/training/instruction-tuning`.

    Args:
        trainer: A trainer that was set up with ``output_dir`` and ``save_steps``.

    Raises:
        CompanionError: If the checkpoint belongs to another user.
    """
    last = last_checkpoint(Path(trainer.args.output_dir))
    if last is not None and hasattr(os, "getuid") and last.stat().st_uid != os.getuid():
        raise CompanionError(
            f"{last} belongs to another user. Resume only runs that you started yourself."
        )
    trainer.train(resume_from_checkpoint=last and str(last))


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint in ``folder``, or None.

    The file that is written last tells whether a checkpoint is complete.
    """
    by_step = {
        int(path.name.rpartition("-")[2]): path
        for path in folder.glob("checkpoint-*")
        if path.name.rpartition("-")[2].isdigit()
    }
    for _, path in sorted(by_step.items(), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return path
    return None


def history(trainer: Any) -> list[dict[str, float]]:
    """Return what was logged at each step.

    Args:
        trainer: A trainer that has trained.

    Returns:
        One dict per step with ``step``, ``loss``, ``learning_rate``, ``grad_norm`` and what the
        trainer adds, such as ``mean_token_accuracy`` or ``accuracy``.
    """
    return [dict(entry) for entry in trainer.state.log_history if "loss" in entry]


class TerminalBar(TrainerCallback):
    """A progress bar with the loss, on a terminal only."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Open the bar."""
        hidden = None if state.is_world_process_zero else True  # None: show on a terminal
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, unit="step", disable=hidden
        )

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any
    ) -> None:
        """Show the loss."""
        if "loss" in logs:
            self.bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move on."""
        self.bar.update(state.global_step - self.bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar.close()


def _core(model: "PreTrainedModel | PeftModel") -> Any:
    """Return the model inside its adapters."""
    return model.get_base_model() if hasattr(model, "peft_config") else model


def _give_bias(model: "PreTrainedModel | PeftModel") -> None:
    """Let TRL's loss ask the output layer for its bias.

    TRL 1.16 reads ``bias`` of the layer. Where rows of a shared table are trained, peft 0.21 has
    put a module around it that has a weight only.
    """
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    if head is not None and not hasattr(head, "bias"):
        head.bias = None
