"""What a measurement of speed needs: a prompt, one thread, and the bytes that a step reads.

Taught in :doc:`/book/gpt/kv-cache`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

PROMPT = "Once upon a time, a girl named Anna walked to the old harbor and saw"


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread meanwhile: processor time of several is not time that passes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def weight_bytes(model: Any) -> int:
    """Return the bytes of the weights that each step reads: all but the embedding."""
    counted = {id(parameter): parameter for parameter in model.parameters()}
    if model.get_input_embeddings().weight is not model.get_output_embeddings().weight:
        del counted[id(model.get_input_embeddings().weight)]
    return sum(weight.numel() * weight.element_size() for weight in counted.values())
