"""Train small decoders that differ in attention, in positions or in their experts.

All read the same tokens in the same order, with one optimizer and schedule; each design is trained
from two seeds. The held-out text is read in rows as long as those of training, and once more in
rows four times as long, where most distances are new. Taught in
:doc:`/book/gpt/attention-variants`.

Left out: learning rates tuned for each design. Differences smaller than those between seeds mean
nothing.
"""

from dataclasses import asdict
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from companion.models import load
from companion.pocket.pretrain import batches
from companion.pocket.recipe import SHARD_TOKENS, Recipe
from companion.pocket.studies.held_out import ROWS, held_out_rows

from ._decoder import Decoder, Design, Experts
from ._loop import learn

ATTENTION = {
    "MHA": Design(),
    "GQA, 2 groups": Design(kv_heads=2),
    "MQA": Design(kv_heads=1),
    "MLA": Design(latent=24, rotary=8),
    "window of 32": Design(window=32),
}
POSITIONS = {
    "none": Design(positions="none"),
    "learned": Design(positions="learned"),
    "sinusoidal": Design(positions="sinusoidal"),
    "ALiBi": Design(positions="alibi"),
}
EXPERTS = {
    "one network": Design(),
    "8 experts": Design(experts=8),
    "8 experts, loss": Design(experts=8, balance="loss"),
    "8 experts, bias": Design(experts=8, balance="bias"),
}
GROUPS = {"attention": ATTENTION, "positions": POSITIONS, "experts": EXPERTS}
LENGTH = 128
STEPS = 500
BATCH_TOKENS = 1024
LEARNING_RATE = 4e-3
BALANCE_WEIGHT = 0.01
SEEDS = 2
LONGER = 4


def loss_of(model: Decoder, rows: Tensor) -> Tensor:
    """Return the next-token loss of each place in nats, shape ``(B, T - 1)``."""
    logits = model(rows)[:, :-1]
    return cross_entropy(logits.transpose(1, 2), rows[:, 1:], reduction="none")


def trained(design: Design, read: list[Tensor], *, seed: int, vocab_size: int) -> Decoder:
    """Train a decoder on batches of rows and return it in eval mode."""
    torch.manual_seed(seed)
    model = Decoder(design, vocab_size=vocab_size, context=LENGTH)
    layers = [module for module in model.modules() if isinstance(module, Experts)]

    def loss(rows: Tensor) -> Tensor:
        total = loss_of(model, rows).mean()
        if design.balance == "loss":
            total = total + BALANCE_WEIGHT * sum(layer.loss for layer in layers)
        return total

    def rate(step: int) -> float:
        left = (len(read) - step) / len(read)
        return LEARNING_RATE * min(1, (step + 1) / 50, 1.5 * left)

    learn(model, read, loss, rate)
    return model.eval()


@torch.no_grad()
def judged(model: Decoder, rows: Tensor) -> dict[str, Any]:
    """Return what a trained decoder reaches on held-out rows, shape ``(N, LENGTH)``.

    Returns:
        ``loss``; ``longer``, the loss of the first, second, ... quarter of rows four times as long;
        ``shares`` of the experts, the largest first, for each layer.
    """
    loss = torch.cat([loss_of(model, part) for part in rows.split(32)]).mean().item()
    found: dict[str, Any] = {"loss": round(loss, 4)}
    layers = [module for module in model.modules() if isinstance(module, Experts)]
    if layers:
        model(rows[:128])
        found["shares"] = [
            [round(share, 4) for share in layer.share.sort(descending=True).values.tolist()]
            for layer in layers
        ]
    elif model.design.positions != "learned":  # which have no places beyond
        long = rows.view(-1, LONGER * LENGTH)
        places = torch.cat([loss_of(model, part) for part in long.split(8)]).mean(dim=0)
        found["longer"] = [round(part.mean().item(), 4) for part in places.chunk(LONGER)]
    return found


def measure(*, scale: float = 1.0) -> dict[str, object]:
    """Train all designs.

    Args:
        scale: Below 1, fewer steps, seeds and rows.

    Returns:
        ``runs``, a dict each: ``group`` and ``name``, ``seed``, ``parameters``,
        ``cached_numbers`` for one token, and what `judged` says.
    """
    tokenizer = load("base").tokenizer
    vocab_size = len(tokenizer)
    rows = held_out_rows(tokenizer, count=max(2, round(ROWS * scale / 2) * 2)).view(-1, LENGTH)
    steps, seeds = max(2, round(STEPS * scale)), max(1, round(SEEDS * scale))
    recipe = Recipe(
        context=LENGTH,
        sequence_length=LENGTH,
        batch_tokens=BATCH_TOKENS,
        annealing_begins=10_000 * (SHARD_TOKENS // BATCH_TOKENS),  # never: one mixture throughout
    )
    read = list(islice(batches(tokenizer, recipe), steps))
    designs = [
        (group, name, design, seed)
        for group, members in GROUPS.items()
        for name, design in members.items()
        for seed in range(seeds)
    ]
    runs = []
    for group, name, design, seed in tqdm(designs, disable=None, unit="run"):
        model = trained(design, read, seed=seed, vocab_size=vocab_size)
        runs.append(
            {
                "group": group,
                "name": name,
                "seed": seed,
                "parameters": sum(parameter.numel() for parameter in model.parameters()),
                "cached_numbers": design.cached_numbers,
                **judged(model, rows),
            }
        )
    return {
        "design": asdict(Design()),
        "steps": steps,
        "tokens": steps * BATCH_TOKENS,
        "held_out_tokens": rows.numel(),
        "runs": runs,
    }
