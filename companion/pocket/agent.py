"""pocket-agent: pocket-chat with a LoRA adapter that has learned to search step by step.

    python -m companion.pocket.agent --out runs/agent      # trains it again

It writes a thought and a call of ``search``, reads the notes that were found, and goes on until it
can answer. What it was trained on, `companion.pocket.corpus.chains` makes; what it can do, the
experiment ``agents`` of the book measures. Taught in
:doc:`/book/applications/agents`.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

from companion.models import load
from companion.models.checkpoint import verify_pocket
from companion.models.loading import WEIGHTS_ROOT, LoadedModel
from companion.pocket.corpus import chains
from companion.training.adapters import apply_lora
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer
from companion.training.silence import library, silence

ADAPTER = "agent"
"""Folder of the adapter, beside the weights of the pocket models."""

TRACES, STEPS, RANK, ROWS, RATE = 3000, 190, 16, 8, 2e-3
"""Conversations that are drawn, updates, rank of the adapter, packed rows of an update, learning
rate."""

MARKS = "</"
"""Their tokens occur nowhere in what the pocket models were trained on, so their embeddings are
trained as well."""


def load_agent(folder: Path | None = None) -> LoadedModel:
    """Load pocket-chat and merge the adapter into it.

    Taught in :doc:`/book/applications/agents`.

    Args:
        folder: Of the adapter; the one that comes with the package if None.

    Returns:
        The model in eval mode, on the CPU, and the tokenizer of pocket-chat.

    Raises:
        WeightsError: If files of the package are missing or damaged.
        MissingExtraError: If `peft` is not installed.
    """
    folder = verify_pocket(WEIGHTS_ROOT, ADAPTER) if folder is None else folder
    model, tokenizer = load("chat", source="pocket", device="cpu")
    with silence():
        tuned = library("peft").PeftModel.from_pretrained(model, folder)
    return LoadedModel(tuned.merge_and_unload().eval(), tokenizer)


def traces(tokenizer: Any, count: int = TRACES) -> list[dict[str, Any]]:
    """Return conversations to train on, without those that are longer than the context."""
    drawn = chains.records(0, "train", count)
    longest = tokenizer.model_max_length
    texts = [tokenizer.apply_chat_template(one["messages"], tokenize=False) for one in drawn]
    lengths = [len(tokenizer(text, verbose=False).input_ids) for text in texts]
    return [one for one, length in zip(drawn, lengths, strict=True) if length <= longest]


def train_agent(out: Path, *, count: int = TRACES, steps: int = STEPS) -> Path:
    """Train the adapter and two rows of the embeddings, and write them in float16.

    The adapter that comes with the package was trained on as much in three rounds: see its card.

    Args:
        out: Folder for the adapter.
        count: Conversations that are drawn.
        steps: Updates.

    Returns:
        The folder.
    """
    model, tokenizer = load("chat", source="pocket", device="cpu")
    records = traces(tokenizer, count)
    tuned = apply_lora(model, rank=RANK, token_ids=tokenizer(MARKS).input_ids)
    settings = TrainingSettings(steps=steps, batch_size=ROWS, learning_rate=RATE)
    sft_trainer(tuned, tokenizer, records, settings, packing=True).train()
    return save_adapter(tuned, out)


def save_adapter(tuned: Any, out: Path) -> Path:
    """Write an adapter in float16, for inference only."""
    for name, parameter in tuned.named_parameters():
        if "lora_" in name or "trainable_tokens" in name:
            parameter.data = parameter.data.half()
    tuned.peft_config["default"].base_model_name_or_path = "pocket-chat"
    tuned.save_pretrained(out, save_embedding_layers=False)  # or peft asks the Hub about them
    return out


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.pocket.agent",
        description="Train the adapter of pocket-agent again.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    print(f"wrote {train_agent(options.out)}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
