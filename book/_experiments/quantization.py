"""Every format of the weights: accuracy, perplexity, bytes and speed of the pocket models."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.models import load
from companion.pocket.evaluate import accuracy, perplexity_by_kind
from companion.pocket.tasks import chat_tasks
from companion.quantization.footprint import count_weights, measured_bytes, weight_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

FORMATS: dict[str, dict[str, str]] = {
    "float32": {},
    "bfloat16": {"dtype": "bfloat16"},
    "int8": {"quantization": "int8"},
    "nf4": {"quantization": "nf4"},
    "fp4": {"quantization": "fp4"},
}
PROMPT = "Once upon a time"


def measure(*, scale: float = 1.0, formats: Sequence[str] = tuple(FORMATS)) -> dict[str, object]:
    """Load both models in several formats and measure them on the same items.

    Args:
        scale: Share of the items to use, for a quick try.
        formats: Keys of `FORMATS`.

    Returns:
        One entry per format.
    """
    count = max(20, round(200 * scale))
    counts = count_weights(load("chat").model)
    linear = measured_bytes(load("chat").model, linear_only=True)
    results = {name: _one_format(FORMATS[name], count, counts, linear) for name in formats}
    return {"items": count, "formats": results}


@torch.inference_mode()
def _one_format(
    settings: dict[str, str], count: int, counts: Any, linear: int
) -> dict[str, object]:
    chat, tokenizer = load("chat", **settings)
    dtype = settings.get("dtype", "float32")
    computed = weight_bytes(counts, settings.get("quantization"), dtype=dtype)
    tasks = {task.name: accuracy(chat, tokenizer, task) for task in chat_tasks(tokenizer, count)}
    base, base_tokenizer = load("base", **settings)
    perplexities = perplexity_by_kind(base, base_tokenizer, count=max(4, count // 4))
    logs = [math.log(value) for value in perplexities.values()]
    return {
        "right": {name: score.right for name, score in tasks.items()},
        "total": {name: score.total for name, score in tasks.items()},
        "perplexity": round(math.exp(sum(logs) / len(logs)), 4),  # geometric mean over kinds
        "measured_bytes": measured_bytes(chat),
        "computed_bytes": round(computed),
        "linear_share": round(measured_bytes(chat, linear_only=True) / linear, 4),
        "seconds_per_token": {
            str(batch): _seconds_per_token(base, base_tokenizer, batch) for batch in (1, 32)
        },
    }


def _seconds_per_token(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", batch: int, tokens: int = 40
) -> float:
    """Return the time of one decoding step, the best of three runs."""
    params = SamplingParams(max_new_tokens=tokens, temperature=0, n=1)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        written = generate(model, tokenizer, [PROMPT] * batch, params)
        steps = max(len(generation.token_ids) for generation in written)
        times.append((time.perf_counter() - start) / steps)
    return round(min(times), 5)
