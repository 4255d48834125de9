"""Tokens per second of ``companion.generate`` beside ``generate`` of transformers, on one thread.

Both write the same tokens in turns, and what counts is the time of the processor, so that other
work on the machine disturbs both alike. Reading a large tensor in the same run tells how fast
memory is: a step at batch 1 reads each weight once, so that it can't be faster than that. Taught in
:doc:`/book/gpt/kv-cache`.

Left out: several threads, GPUs.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch

from companion.generation.batching import left_pad
from companion.generation.cache import next_token_logits
from companion.generation.decoding import generate
from companion.generation.forward import read
from companion.generation.params import SamplingParams
from companion.models import load
from companion.pocket.studies.speed import PROMPT, one_thread, weight_bytes

MODELS = ("base", "smollm2")
DTYPES = ("float32", "bfloat16")
BATCHES = (1, 16)
PAIRS = 7


def measure(*, scale: float = 1.0, models: Sequence[str] = MODELS) -> dict[str, object]:
    """Write with every model, in every dtype and batch size.

    Args:
        scale: Factor of the tokens written and of the pairs of runs.
        models: Names for `companion.load`.

    Returns:
        ``runs``: one dict each, speeds in tokens per second of processor time; ``prompts``: the
        same for reading a prompt; ``bytes_per_second``: how fast a large tensor is read.
    """
    pairs = max(1, round(PAIRS * scale))
    runs, prompts = [], []
    with one_thread():
        speed = bytes_per_second()
        for name in models:
            for dtype in DTYPES:
                model, tokenizer = load(name, dtype=dtype)
                new = max(4, round((96 if name == "base" else 16) * scale))
                who = {"model": name, "dtype": dtype}
                prompts.append(who | reading(model, pairs, max(8, round(256 * scale))))
                for batch in BATCHES:
                    seconds = writing(model, tokenizer, batch, new, pairs)
                    share = weight_bytes(model) * seconds["companion"] / batch / speed
                    runs.append(who | seconds | {"share_of_memory_speed": round(share, 3)})
    return {"pairs": pairs, "bytes_per_second": round(speed), "runs": runs, "prompts": prompts}


def compare(ours: Callable[[], Any], theirs: Callable[[], Any], pairs: int) -> tuple[float, float]:
    """Return the processor seconds of each, medians of runs in turns; both must agree."""
    if ours() != theirs():  # warms up, too
        raise ValueError("the two wrote different tokens, so their speeds can't be compared")
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        for run, taken in zip((ours, theirs), times, strict=True):
            start = time.process_time()
            run()
            taken.append(time.process_time() - start)
    return median(times[0]), median(times[1])


def writing(model: Any, tokenizer: Any, batch: int, new: int, pairs: int) -> dict[str, Any]:
    """Return tokens per second of both, greedy."""
    inputs = tokenizer([PROMPT] * batch, return_tensors="pt")
    params = SamplingParams(temperature=0, max_new_tokens=new)

    def ours() -> list[list[int]]:
        return [
            generation.token_ids
            for generation in generate(model, tokenizer, [PROMPT] * batch, params)
        ]

    def theirs() -> list[list[int]]:
        settings = {"max_new_tokens": new, "do_sample": False, "pad_token_id": 0}
        written = model.generate(**inputs, **settings)
        return written[:, inputs.input_ids.shape[1] :].tolist()

    tokens = sum(map(len, ours()))
    seconds = compare(ours, theirs, pairs)
    return {
        "batch": batch,
        "tokens": tokens,
        "companion": round(tokens / seconds[0], 1),
        "transformers": round(tokens / seconds[1], 1),
        "ratio": round(seconds[1] / seconds[0], 2),
    }


def reading(model: Any, pairs: int, length: int) -> dict[str, Any]:
    """Return tokens per second of both while a prompt is read."""
    ids, mask = left_pad([list(range(300, 300 + length))])

    def ours() -> int:
        return next_token_logits(model, ids, mask)[0].argmax().item()

    @torch.no_grad()
    def theirs() -> int:
        return read(model, ids, mask, use_cache=True, last=True)[0].argmax().item()

    seconds = compare(ours, theirs, pairs)
    return {
        "tokens": length,
        "companion": round(length / seconds[0], 1),
        "transformers": round(length / seconds[1], 1),
        "ratio": round(seconds[1] / seconds[0], 2),
    }


def bytes_per_second(size: int = 2**28) -> float:
    """Return how fast the processor reads ``size`` bytes, the best of five."""
    tensor = torch.ones(size // 4)
    times = []
    for _ in range(5):
        start = time.process_time()
        tensor.sum()
        times.append(time.process_time() - start)
    return size / min(times)
