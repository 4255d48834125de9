"""Questions of a test that got into the training text, and whether a model then knows the answers.

pocket-base reads on for some steps, in text like that of its own training with word problems of the
test among it. Each problem stands there with its answer only, 0 to 30 times.
"""

import random
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from companion.models import load
from companion.pocket.corpus import documents
from companion.pocket.pretrain import language_model_loss
from companion.pocket.studies.leaks import ITEMS, TIMES, Leak, leaked_problems

from ._loop import learn, plateau

LENGTH, BATCH, STEPS, WARMUP = 128, 8, 50, 5
LEARNING_RATE = 2e-3


def tokens_of(text: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the tokens of a document, the end of the text included."""
    return [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]


def leaked_rows(items: list[Leak], tokenizer: PreTrainedTokenizerFast, *, steps: int) -> Tensor:
    """Return rows of documents and items in a random order, shape ``(steps * BATCH, LENGTH)``."""
    parts = [tokens_of(item.text, tokenizer) for item in items for _ in range(item.times)]
    needed = steps * BATCH * LENGTH
    length = sum(map(len, parts))
    for document in documents(0):
        parts.append(tokens_of(document.text, tokenizer))
        length += len(parts[-1])
        if length >= needed:
            break
    random.Random(0).shuffle(parts)
    tokens = [token for part in parts for token in part]
    return torch.tensor(tokens[:needed]).view(-1, LENGTH)


def read_on(model: PreTrainedModel, rows: Tensor) -> None:
    """Train a model on rows, in place: warm-up, plateau, a fall to 0 in the last 30 %."""
    batches = rows.split(BATCH)
    model.train()
    learn(
        model,
        batches,
        lambda batch: language_model_loss(model, batch),
        lambda step: LEARNING_RATE * plateau(step, len(batches), warmup=WARMUP, last=0.3),
    )
    model.eval()


@torch.no_grad()
def known(
    model: PreTrainedModel, items: list[Leak], tokenizer: PreTrainedTokenizerFast
) -> list[dict[str, Any]]:
    """Return for each number of times how many answers the model writes, and their mean loss.

    A greedy model writes the answer if and only if each of its tokens, after the true ones before,
    is the most likely one.
    """
    results = {times: {"times": times, "items": 0, "right": 0, "loss": 0.0} for times in TIMES}
    for item in items:
        ids = tokens_of(item.text, tokenizer)
        length = len(tokens_of(f" {item.answer}", tokenizer))
        logits = model(torch.tensor([ids])).logits[0, -length - 1 : -1]
        target = torch.tensor(ids[-length:])
        result = results[item.times]
        result["items"] += 1
        result["right"] += int((logits.argmax(dim=-1) == target).all())
        result["loss"] += cross_entropy(logits, target).item() / ITEMS
    return [result | {"loss": round(result["loss"], 3)} for result in results.values()]


def measure_leaks(*, scale: float = 1.0) -> dict[str, list[dict[str, Any]]]:
    """Return what pocket-base knows ``before`` and ``after``; a small scale takes fewer steps."""
    model, tokenizer = load("base")
    items = leaked_problems()
    before = known(model, items, tokenizer)
    read_on(model, leaked_rows(items, tokenizer, steps=max(2, round(STEPS * scale))))
    return {"before": before, "after": known(model, items, tokenizer)}
