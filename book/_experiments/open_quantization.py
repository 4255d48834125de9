"""Pocket and open: what formats of few bits cost each model, and the outliers in its numbers.

pocket-chat and SmolLM2-135M-Instruct in four formats: perplexity of two ordinary English texts,
capitals by chat, bytes, seconds to load. Then, in float32, the largest weight of each linear layer
in units of its standard deviation, and the largest input of each layer in units of the median
(both without sign): what makes activations hard to round (Dettmers et al. 2022,
https://arxiv.org/abs/2208.07339). Taught in :doc:`/book/start/pocket-and-open`.

The open weights were rounded to 4 bits before they came here, so its "float32" carries that loss;
all four formats share it. Perplexities are per token of each model and can't be compared between
the two. Left out: speed, which a loaded machine does not tell.
"""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from companion.generation.batching import encode_prompts
from companion.generation.scoring import perplexity
from companion.linear_layers import linear_layers
from companion.models import load
from companion.models.loading import LoadedModel
from companion.pocket.corpus.facts import capital_countries
from companion.quantization.footprint import measured_bytes

from ._capitals import capitals_by_chat
from ._side_by_side import COLUMNS, ORIGIN, load_items, part

FORMATS = (None, "int8", "nf4", "fp4")
NAMES = {"pocket": ("chat", "pocket"), "open": ("smollm2", None)}
TEXTS = ("a story", "an explanation")


def measure(
    *,
    scale: float = 1.0,
    columns: Sequence[str] = COLUMNS,
    formats: Sequence[str | None] = FORMATS,
) -> dict[str, Any]:
    """Load each model in each format and measure it on the same texts and capitals.

    Args:
        scale: Share of the capitals to ask for, for a quick try.
        columns: Some of "pocket" and "open".
        formats: None is float32; the others are those of `companion.load`.

    Returns:
        ``columns``, one entry each: ``formats``, and ``outliers`` by type of layer.
    """
    countries = part(capital_countries("held_out"), scale)
    texts = {name: load_items("texts")[name] for name in TEXTS}
    results = {}
    for column in columns:
        rows = {kind or "float32": _one_format(column, kind, texts, countries) for kind in formats}
        loaded = _load(column, None)
        results[column] = {"formats": rows, "outliers": outliers(loaded, list(texts.values()))}
    return {"origin": ORIGIN, "columns": results}


def _load(column: str, kind: str | None) -> LoadedModel:
    name, source = NAMES[column]
    return load(name, source=source, quantization=kind, device="cpu")


def _one_format(
    column: str, kind: str | None, texts: dict[str, str], countries: Sequence[str]
) -> dict[str, Any]:
    begun = time.perf_counter()
    loaded = _load(column, kind)
    seconds = time.perf_counter() - begun
    return {
        "seconds_to_load": round(seconds, 1),
        "bytes": measured_bytes(loaded.model),
        "perplexity": {name: round(perplexity(*loaded, text), 3) for name, text in texts.items()},
        "capitals": capitals_by_chat(loaded, countries),
    }


def outliers(loaded: LoadedModel, texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return how far the largest numbers stand out, for each type of linear layer.

    Args:
        loaded: A model that is not quantized.
        texts: What it reads.

    Returns:
        By type of layer, such as ``q_proj``, lists over the blocks: ``weights`` (largest over
        standard deviation), ``inputs`` (largest over median) and ``inputs_after_first``, the same
        without the first token of each text.
    """
    layers = linear_layers(loaded.model)
    inputs = read_inputs(loaded, texts, layers)
    peaks: dict[str, dict[str, Any]] = {}
    for name, layer in layers.items():
        row = peaks.setdefault(
            name.rpartition(".")[2], {"weights": [], "inputs": [], "inputs_after_first": []}
        )
        row["weights"].append(weight_peak(layer.weight))
        row["inputs"].append(peak(torch.cat(inputs[name])))
        row["inputs_after_first"].append(peak(torch.cat([rows[1:] for rows in inputs[name]])))
    return peaks


@torch.inference_mode()
def read_inputs(
    loaded: LoadedModel, texts: Sequence[str], layers: dict[str, nn.Module]
) -> dict[str, list[Tensor]]:
    """Let a model read texts, and return what each layer got: one ``(T, in)`` tensor per text."""
    inputs: dict[str, list[Tensor]] = {name: [] for name in layers}

    def keep(name: str) -> Any:
        return lambda _layer, given: inputs[name].append(given[0][0].clone())

    hooks = [layer.register_forward_pre_hook(keep(name)) for name, layer in layers.items()]
    try:
        for ids in encode_prompts(loaded.tokenizer, list(texts)):
            loaded.model(torch.tensor([ids], device=loaded.model.device))
    finally:
        for hook in hooks:
            hook.remove()
    return inputs


def weight_peak(weights: Tensor) -> float:
    """Return the largest weight, without sign, in standard deviations of all weights."""
    return round((weights.abs().max() / weights.std()).item(), 1)


def peak(values: Tensor) -> float:
    """Return the largest value over the median one, both without sign.

    Example:
        >>> peak(torch.tensor([1.0, -2.0, 2.0, 1.0, -30.0]))
        15.0
    """
    sizes = values.abs()
    return round((sizes.max() / sizes.median()).item(), 1)
