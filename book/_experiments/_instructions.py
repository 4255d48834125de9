"""What the experiments on training a part of the weights share: methods, data, one measured run.

pocket-base learns to follow instructions through the chat template. Every method gets the same
records in the same order, and the same held-out instructions are asked afterwards.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from companion.chat_template import turn_tokens
from companion.lora import count_parameters
from companion.messages import prompt_text
from companion.models import load
from companion.pocket.corpus import demonstrations
from companion.pocket.evaluate import accuracy
from companion.pocket.tasks import SEED, Task, same_text
from companion.quantization.footprint import measured_bytes
from companion.training.adapters import (
    SoftPromptModel,
    apply_adapter,
    apply_lora,
    apply_prompt_tuning,
)
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from companion.training.trainer import history

from ._process import peak_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

STEPS, BATCH_SIZE, ITEMS = 80, 16, 400


class Method(NamedTuple):
    """One row of the table.

    Args:
        apply: Freezes the model and adds what is trained; its second argument are the tokens of
            the chat template. None: everything is trained.
        learning_rate: The best of those that were tried for this method.
        settings: For the record.
    """

    apply: Callable[[Any, list[int]], Any] | None
    learning_rate: float
    settings: str


METHODS = {
    "full": Method(None, 1e-3, "all weights"),
    "lora": Method(
        lambda model, tokens: apply_lora(model, rank=8, token_ids=tokens),
        5e-3,
        "rank 8, alpha 16, all linear layers; embeddings of the chat tokens",
    ),
    "lora_only": Method(
        lambda model, tokens: apply_lora(model, rank=8),
        5e-3,
        "rank 8, alpha 16, all linear layers",
    ),
    "adapter": Method(
        lambda model, tokens: apply_adapter(model, size=32, token_ids=tokens),
        4e-3,
        "size 32, two in each block; embeddings of the chat tokens",
    ),
    "prompt": Method(
        lambda model, tokens: apply_prompt_tuning(model, tokens=20),
        2e-1,
        "20 vectors before the text",
    ),
}


def instruction_task(tokenizer: "PreTrainedTokenizerBase", count: int) -> Task:
    """Return held-out instructions, asked through the chat template; only exact answers count."""
    records = demonstrations.instruction_records(SEED, "eval", count)
    items = [(prompt_text(tokenizer, r["messages"][:-1]), r["output"]) for r in records]
    return Task("instructions, exact output", items, same_text, 96)


def instruction_trainer(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    *,
    steps: int,
    learning_rate: float,
    seed: int = 0,
) -> Any:
    """Return a trainer of what is not frozen, on instructions, every record seen once."""
    records = demonstrations.instruction_records(seed, "train", steps * BATCH_SIZE)
    return sft_trainer(
        model,
        tokenizer,
        records,
        TrainingSettings(
            steps=steps, batch_size=BATCH_SIZE, learning_rate=learning_rate, seed=seed
        ),
    )


def losses(trainer: Any) -> list[float]:
    """Return the loss of each step, rounded."""
    return [round(entry["loss"], 4) for entry in history(trainer)]


def share_right(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", count: int
) -> dict[str, Any]:
    """Return the share of held-out instructions followed exactly, with its 95 % interval."""
    with torch.inference_mode():
        measured = accuracy(model, tokenizer, instruction_task(tokenizer, count))
    return {
        "right": measured.right,
        "items": measured.total,
        "share": round(measured.share, 4),
        "interval": [round(bound, 4) for bound in measured.interval],
    }


def training_bytes(trainable: int, total: int, *, bytes_per_value: int = 4) -> dict[str, int]:
    """Compute what training keeps in memory besides activations.

    Weights, one gradient for each trained parameter, and AdamW's two moments of it.

    Args:
        trainable: Number of trained parameters.
        total: Number of all parameters.
        bytes_per_value: 4 for float32.

    Example:
        >>> training_bytes(10, 100)
        {'weights': 400, 'gradients': 40, 'optimizer': 80}
    """
    return {
        "weights": total * bytes_per_value,
        "gradients": trainable * bytes_per_value,
        "optimizer": 2 * trainable * bytes_per_value,
    }


def train_and_measure(
    method: Method, *, steps: int, count: int, quantization: str | None = None
) -> dict[str, Any]:
    """Train pocket-base with one method and measure everything about it.

    Args:
        method: What is trained, and how fast.
        steps: Number of updates.
        count: Number of held-out instructions.
        quantization: Format of the frozen weights, as `load` takes it; float32 if None.
    """
    model, tokenizer = load("base", device="cpu", quantization=quantization)
    weights = measured_bytes(model)
    if method.apply is not None:
        model = method.apply(model, turn_tokens(tokenizer))
    counted = count_parameters(model)
    added = 4 * sum(p.numel() for p in model.parameters() if p.requires_grad)
    computed = training_bytes(*counted)
    if quantization is not None:
        computed["weights"] = weights + added
    trainer = instruction_trainer(model, tokenizer, steps=steps, learning_rate=method.learning_rate)
    set_up, begun = peak_bytes(), time.process_time()
    trainer.train()
    seconds, peak = time.process_time() - begun, peak_bytes()
    model = SoftPromptModel(model) if method is METHODS["prompt"] else model
    return {
        "settings": method.settings,
        "learning_rate": method.learning_rate,
        "trainable": counted.trainable,
        "total": counted.total,
        "computed_bytes": computed,
        "set_up_bytes": set_up,
        "peak_bytes": peak,
        "seconds_per_step": round(seconds / steps, 3),
        "losses": losses(trainer),
        **share_right(model, tokenizer, count),
    }
