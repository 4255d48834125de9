"""pocket-draft: a small model that guesses what pocket-chat writes next.

    python -m companion.pocket.draft --out runs/draft

Speculative decoding needs a draft model with the tokenizer of the large one. This one has a twelfth
of the parameters of pocket-chat. It first learns the next tokens of pocket-chat's training texts,
then pocket-chat's whole distribution over them (*distillation*, Hinton et al. 2015,
https://arxiv.org/abs/1503.02531). Taught in :doc:`/book/open-models/serving`.

Shapes: B rows of T tokens, V tokens of the vocabulary.

Left out: checkpoints in between (the run takes minutes), texts that pocket-chat wrote itself.
"""

import argparse
import datetime
import json
import math
import random
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax
from tqdm import tqdm

from companion._files import write_whole
from companion.models import LoadedModel, load
from companion.models.checkpoint import verify_pocket
from companion.models.loading import WEIGHTS_ROOT

from .corpus import demonstrations, documents
from .pretrain import new_model, optimizers
from .publish import PACKAGE, checksums
from .recipe import Recipe

RECIPE = Recipe(
    layers=2,
    width=96,
    heads=3,
    mlp_width=256,
    sequence_length=256,
    steps=900,
    learning_rate=5e-3,
    warmup_steps=50,
)
ROWS = 8
"""Rows of a step."""
DISTILLED = 0.25
"""Share of the steps, the last ones, that learn pocket-chat's distributions."""
CHATS = 0.8
"""Share of the texts that are conversations; the others are documents of pre-training."""


def load_draft() -> LoadedModel:
    """Load pocket-draft and its tokenizer, which is pocket-chat's.

    Raises:
        WeightsError: If its files are missing or damaged.

    Example:
        >>> load_draft().model.num_parameters()
        418272
    """
    return load(verify_pocket(WEIGHTS_ROOT, "draft"), device="cpu")


def texts(tokenizer: Any, seed: int) -> Iterator[str]:
    """Yield training texts without end: conversations in their template, and documents."""
    rng = random.Random(f"draft-{seed}")
    source = documents(seed, annealing=False)
    while True:
        if rng.random() < CHATS:
            messages = demonstrations.record(rng, "train")["messages"]
            yield tokenizer.apply_chat_template(messages, tokenize=False)
        else:
            yield next(source).text


def batches(tokenizer: Any, recipe: Recipe, steps: int) -> Iterator[Tensor]:
    """Yield token ids of each step, shape ``(B, T)``: texts packed one after the other."""
    source, tokens = texts(tokenizer, recipe.seed), []
    needed = ROWS * recipe.sequence_length
    for _ in range(steps):
        while len(tokens) < needed:
            few = [next(source) for _ in range(200)]
            for ids in tokenizer(few)["input_ids"]:
                tokens += [*ids, tokenizer.eos_token_id]
        yield torch.tensor(tokens[:needed]).view(ROWS, -1)
        tokens = tokens[needed:]


def distillation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of the student from the teacher, ``KL(p || q)``, in nats.

    Args:
        student: Logits of the model that learns, shape ``(..., V)``.
        teacher: Logits of the model that it learns from, shape ``(..., V)``.

    Example:
        >>> distillation_loss(torch.zeros(1, 2), torch.zeros(1, 2)).item()
        0.0
    """
    p, q = (log_softmax(logits.float().flatten(0, -2), -1) for logits in (teacher, student))
    return kl_div(q, p, reduction="batchmean", log_target=True)


def new_draft(recipe: Recipe, teacher: Any, tokenizer: Any) -> Any:
    """Return a draft model before training.

    Its embedding is that of the large model in fewer numbers: the directions in which the tokens
    differ most, scaled to length 1 on average, so that the first logits are small.
    """
    model = new_model(recipe, tokenizer)
    model.generation_config = teacher.generation_config
    embedding = teacher.get_input_embeddings().weight.detach().float()  # (V, W)
    directions = torch.linalg.svd(embedding, full_matrices=False).Vh[: recipe.width]
    fewer = embedding @ directions.T  # (V, narrower W)
    model.get_input_embeddings().weight.data.copy_(fewer / fewer.norm(dim=-1).mean())
    return model


def train(recipe: Recipe = RECIPE, *, chat: str | Path = "chat") -> Iterator[dict[str, Any]]:
    """Train a draft model, with the optimizers of pre-training.

    Args:
        recipe: Its shape, steps, seed and learning rate.
        chat: The model that it is to guess.

    Yields:
        For each step ``model``, ``tokenizer`` and ``loss``: the cross-entropy in nats first, then
        the divergence from the large model.
    """
    teacher, tokenizer = load(chat)
    model = new_draft(recipe, teacher, tokenizer)
    both = optimizers(model, recipe)
    for step, ids in enumerate(batches(tokenizer, recipe, recipe.steps)):
        logits = model(input_ids=ids, use_cache=False).logits  # (B, T, V)
        if step < recipe.steps * (1 - DISTILLED):
            loss = cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        else:
            with torch.no_grad():
                wanted = teacher(input_ids=ids, use_cache=False).logits
            loss = distillation_loss(logits, wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        for optimizer in both:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate_at(step)
            optimizer.step()
            optimizer.zero_grad()
        yield {"model": model, "tokenizer": tokenizer, "loss": loss.item()}


def ship(run: Path, *, hardware: str, package: Path = PACKAGE) -> None:
    """Copy a finished run into the package, with checksums and a record of its loss.

    Args:
        run: Folder of the run, with ``model`` and ``log.json``.
        hardware: What it was trained on, for the record.
        package: Folder with weights and data.
    """
    shutil.copytree(run / "model", package / "weights" / "draft", dirs_exist_ok=True)
    write_whole(package / "weights" / "SHA256SUMS", checksums(package / "weights"))
    log = json.loads((run / "log.json").read_text(encoding="utf-8"))
    losses = log["losses"]
    begins = math.ceil(len(losses) * (1 - DISTILLED))
    record = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": hardware,
        "seconds": log["seconds"],
        "steps": len(losses),
        "tokens": len(losses) * ROWS * RECIPE.sequence_length,
        "cross_entropy": _thinned(losses[:begins]),
        "divergence": _thinned(losses[begins:]),
    }
    write_whole(package / "data" / "draft.json", json.dumps(record) + "\n")


def _thinned(losses: list[float], size: int = 15) -> list[float]:
    groups = [losses[i : i + size] for i in range(0, len(losses), size)]
    return [round(sum(group) / len(group), 4) for group in groups]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m companion.pocket.draft", description="Train pocket-draft."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the model and its log")
    parser.add_argument("--steps", type=int, default=RECIPE.steps, help="default: %(default)s")
    parser.add_argument("--ship", metavar="HARDWARE", help="and copy it into the package")
    options = parser.parse_args(arguments)
    begun = time.monotonic()
    recipe = Recipe(**{**vars(RECIPE), "steps": options.steps})
    options.out.mkdir(parents=True, exist_ok=True)
    losses = []
    for now in tqdm(train(recipe), total=recipe.steps):
        losses.append(round(now["loss"], 4))
        log = {"seconds": round(time.monotonic() - begun), "losses": losses}
        write_whole(options.out / "log.json", json.dumps(log) + "\n")
    now["model"].half().save_pretrained(options.out / "model")
    now["tokenizer"].save_pretrained(options.out / "model")
    print(f"wrote {options.out / 'model'}")  # noqa: T201
    if options.ship:
        ship(options.out, hardware=options.ship)
    return 0


if __name__ == "__main__":
    sys.exit(main())
