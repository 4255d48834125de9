"""Speed of decoding and bytes of weights on a device, for ``gpu_run.py``.

A step at batch 1 reads every weight once, so it can't be faster than the memory: the speed stands
beside that bound. The bytes that a device reports stand beside what `companion.quantization`
computes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch

from companion import SamplingParams, generate
from companion.models import load
from companion.models.open_model import installed
from companion.pocket.studies.speed import PROMPT, weight_bytes
from companion.quantization.footprint import count_weights, measured_bytes
from companion.quantization.footprint import weight_bytes as computed_bytes

DTYPES = ("float32", "bfloat16", "float16")
BATCHES = (1, 16)
FORMATS = (None, "int8", "nf4")
_ROUNDS = 5
_STEPS = 3  # of training, in the measurement of QLoRA


def speed(device: str, *, dry: bool) -> dict[str, Any]:
    """Tokens per second of ``companion.generate`` and ``generate`` of transformers, greedy.

    Args:
        device: Where.
        dry: A small trial.

    Returns:
        ``read_bytes_per_second`` of the device's memory, and ``runs``: one for each model, dtype
        and batch, with the share of the bound that each library reaches.
    """
    bound = read_speed(device, 2**24 if dry else 2**31)
    runs = []
    for name in _models(dry):
        for dtype in DTYPES[:1] if dry else DTYPES:
            model, tokenizer = load(name, source="pocket", device=device, dtype=dtype)
            for batch in BATCHES[:1] if dry else BATCHES:
                who = {"model": name, "dtype": dtype, "batch": batch}
                rates = writing(model, tokenizer, batch, 8 if dry else 128)
                bytes_each = weight_bytes(model) / batch
                shares = {
                    f"{library}_share_of_bound": round(bytes_each * rate / bound, 4)
                    for library, rate in rates.items()
                }
                runs.append(who | {key: round(rate, 1) for key, rate in rates.items()} | shares)
    return {"read_bytes_per_second": float(round(bound)), "runs": runs}


def memory(device: str, *, dry: bool) -> dict[str, Any]:
    """Bytes of a model in each format: computed, in its tensors, and as the device says.

    Args:
        device: Where.
        dry: A small trial.

    Returns:
        ``rows``, one for each model and format. The last of a model is QLoRA: what a few steps of
        training take at their peak beside the frozen weights.
    """
    rows = []
    for name in _models(dry):
        for kind in FORMATS:
            with taken(device) as used:
                model, _ = load(
                    name, source="pocket", device=device, dtype="bfloat16", quantization=kind
                )
            counts = count_weights(load(name, source="pocket", device="cpu").model)
            expected = computed_bytes(counts, kind, dtype="bfloat16")
            found = {"computed_bytes": int(expected), "tensor_bytes": measured_bytes(model)}
            rows.append({"model": name, "format": kind or "bfloat16"} | found | used)
            del model
        rows.append({"model": name, "format": "qlora"} | _qlora(name, device))
    return {"rows": rows}


def _qlora(name: str, device: str) -> dict[str, Any]:
    """Train LoRA on a model in NF4 for a few steps; returns the bytes at the peak."""
    from companion.training.adapters import apply_lora

    model, tokenizer = load(
        name, source="pocket", device=device, dtype="bfloat16", quantization="nf4"
    )
    frozen = measured_bytes(model)
    with taken(device) as used:
        model = apply_lora(model)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-4)
        ids = tokenizer([PROMPT] * 4, return_tensors="pt").input_ids.to(device)
        for _ in range(_STEPS):
            loss = model(input_ids=ids, labels=ids).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    adapter = sum(p.numel() * p.element_size() for p in trained)
    # Weights, gradients and two moments of the adapter; activations come on top.
    return {"computed_bytes": frozen + 4 * adapter, "tensor_bytes": frozen + adapter} | used


@contextmanager
def taken(device: str) -> Iterator[dict[str, Any]]:
    """Note what the block takes of the device, as its allocator says; nothing on a CPU."""
    used: dict[str, Any] = {}
    if device != "cuda":
        yield used
        return
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    yield used
    torch.cuda.synchronize()
    used["device_bytes"] = torch.cuda.memory_allocated() - before
    used["device_peak_bytes"] = torch.cuda.max_memory_allocated() - before


def read_speed(device: str, size: int) -> float:
    """Bytes per second at which a device reads a large tensor, the best of five."""
    tensor = torch.ones(size // 4, device=device)
    return size / min(_times(lambda: tensor.sum().item(), device))


def writing(model: Any, tokenizer: Any, batch: int, new: int) -> dict[str, float]:
    """Tokens per second of both libraries, the median of five."""
    prompts = [PROMPT] * batch
    inputs = tokenizer(prompts, return_tensors="pt").to(model.device)
    params = SamplingParams(temperature=0, max_new_tokens=new)

    def ours() -> int:
        return sum(len(one.token_ids) for one in generate(model, tokenizer, prompts, params))

    def theirs() -> int:
        settings = {"max_new_tokens": new, "do_sample": False, "pad_token_id": 0}
        written = model.generate(**inputs, **settings)[:, inputs.input_ids.shape[1] :]
        return int((written != 0).sum())

    device = model.device.type
    return {
        library: run() / median(_times(run, device))
        for library, run in (("companion", ours), ("transformers", theirs))
    }


def _times(run: Callable[[], object], device: str) -> list[float]:
    """Seconds of each of five runs, after one that warms up."""
    run()
    times = []
    for _ in range(_ROUNDS):
        _wait(device)
        start = time.perf_counter()
        run()
        _wait(device)
        times.append(time.perf_counter() - start)
    return times


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _models(dry: bool) -> tuple[str, ...]:
    return ("base", "smollm2") if installed() and not dry else ("base",)
