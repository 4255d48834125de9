"""Text that training never sees, packed into rows, and the loss of a model on it.

Taught in :doc:`/book/training/pretraining`.
"""

from itertools import islice

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from companion.pocket.corpus import documents
from companion.pocket.pretrain import language_model_loss
from companion.pocket.tasks import SEED

CONTEXT = 256
ROWS = 256


def held_out_rows(tokenizer: PreTrainedTokenizerFast, *, count: int = ROWS) -> torch.Tensor:
    """Return packed documents that training never sees, shape ``(count, 256)``."""
    tokens: list[int] = []
    source = documents(SEED, "eval")
    while len(tokens) < count * CONTEXT:
        for ids in tokenizer([document.text for document in islice(source, 200)])["input_ids"]:
            tokens += [*ids, tokenizer.eos_token_id]
    return torch.tensor(tokens[: count * CONTEXT]).view(count, CONTEXT)


@torch.no_grad()
def held_out_loss(model: PreTrainedModel, rows: torch.Tensor) -> float:
    """Return the mean next-token loss of a model on ``rows``, in nats per token."""
    parts = rows.split(16)
    return sum(language_model_loss(model, part).item() * len(part) for part in parts) / len(rows)
