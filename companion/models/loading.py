"""`load`: from a name to a model and its tokenizer, ready to generate.

Only this module and `quantized` import `transformers`. Checkpoints are ordinary
``save_pretrained`` folders: safetensors weights only, and never code from a repository.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from transformers.utils import logging as transformers_logging

from companion.errors import WeightsError
from companion.models.checkpoint import parameter_count, verify_pocket
from companion.models.devices import (
    available_memory,
    check_device,
    check_dtype,
    check_memory,
    pick_device,
    pick_dtype,
)
from companion.models.embedding import embedding_folder
from companion.models.gguf_file import converted
from companion.models.hub import fetch_snapshot
from companion.models.open_model import open_folder
from companion.models.quantized import (
    check_quantization,
    compute_on_cpu,
    quantization_settings,
    quantized_bytes,
)
from companion.models.roles import HUB_MODELS, Target, resolve

WEIGHTS_ROOT = Path(__file__).parents[1] / "pocket" / "weights"
"""Folder of the bundled pocket models, one folder for each role."""

MODEL_CLASSES = {
    "causal-lm": transformers.AutoModelForCausalLM,
    "sequence-classification": transformers.AutoModelForSequenceClassification,
    "encoder": transformers.AutoModel,
}

# What additions leave in the names of tensors ($ is the end), and what makes such a model plain.
_ADDED = {
    ".lora_A$": "Call companion.lora.merge_lora before save_pretrained.",
    ".parametrizations.": "Call companion.adapters.merge_tokens before save_pretrained.",
    ".base_layer.": "Call merge_and_unload of the PeftModel, and save what it returns.",
    ".adapter.down.": (
        "Bottleneck adapters can't be merged: load the plain model, call inject_adapters as before "
        "and load_state_dict."
    ),
}


class LoadedModel(NamedTuple):
    """A model in eval mode and its tokenizer; unpacks as ``model, tokenizer = load(...)``."""

    model: Any
    tokenizer: Any


def load(
    name: str | Path = "base",
    *,
    source: str | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    quantization: str | None = None,
    weights_root: Path | None = None,
) -> LoadedModel:
    """Load a model and its tokenizer by role, folder or Hub id.

    Pocket models and smollm2 run on the CPU in float32 unless told otherwise: they are small, and
    so every reader sees the same numbers. (They are stored in float16 and widened, which is
    exact.) Other models go to the GPU if there is one, in the dtype of `pick_dtype`. Taught in
    :doc:`/book/start/pocket-models`.

    Args:
        name: A role ("base", "chat", "reward", "embedding"), a folder, a GGUF file, a Hub id, or
            "smollm2", the open model that `companion.models.open_model` fetches.
        source: Where roles come from: "pocket" (bundled), "open" (smollm2, or the model that the
            environment variable COMPANION_CHAT names, for "base" and "chat") or "hub". None reads
            the variable COMPANION_MODELS. Without it, it is "open" if COMPANION_CHAT is set, else
            "pocket".
        device: Where to put the model, such as "cpu" or "cuda:1". None reads the environment
            variable COMPANION_DEVICE, which also moves the small models.
        dtype: Number format of the weights, such as ``"bfloat16"`` or ``torch.float32``. None
            reads COMPANION_DTYPE.
        revision: Commit, tag or branch of a Hub model; the pinned commit if None, "main" for a
            model that has none.
        quantization: Format of the linear layers: "int8" (LLM.int8()), "nf4" (with double
            quantization) or "fp4", by bitsandbytes; None leaves them in ``dtype``. Taught in
            :doc:`/book/open-models/bitsandbytes`.
        weights_root: Folder of the pocket weights; the bundled ones if None.

    Returns:
        The model in eval mode and its tokenizer, with left padding and a padding token for models
        that generate, as it is for encoders.

    Raises:
        UnknownModelError: If the name is nothing of that.
        FetchError: If the open model was not fetched yet.
        WeightsError: If local files are missing, damaged or don't fit the architecture.
        HubError: If the Hub can't be reached or doesn't give the model.
        NotEnoughMemoryError: If the weights exceed the free memory.
        MissingExtraError: If bitsandbytes is asked for and not installed.
        ValueError: If ``source``, ``dtype`` or ``quantization`` is unknown, or this machine has no
            such ``device``; variables of the environment are checked in the same way.
    """
    if quantization is not None:
        check_quantization(quantization)
    target = resolve(name, source)
    small = bool(target.pocket or target.open)
    device = pick_device(small=small) if device is None else check_device(device)
    if dtype is None:  # vectors are compared with stored ones, so an encoder computes in float32
        dtype = torch.float32 if target.head == "encoder" else pick_dtype(device)
    dtype = check_dtype(dtype)

    def check(folder: Path) -> None:
        """Refuse what doesn't fit. Of the files it needs config.json only."""
        needed = _needed_bytes(_skeleton(folder, target.head), dtype, quantization)
        check_memory(str(name), needed, available_memory(device), device)

    folder = _locate(target, revision, weights_root or WEIGHTS_ROOT, check)
    parameter_count(folder)  # finds files that are missing or truncated
    check(folder)
    settings = {}
    if quantization is not None:
        settings = quantization_settings(quantization, dtype, device)
    model = _load_model(folder, target.head, dtype, settings)
    model = model.to(device) if quantization is None else compute_on_cpu(model)
    return LoadedModel(model.eval(), _load_tokenizer(folder, target.head))


def is_pocket(model: "torch.nn.Module") -> bool:
    """Return whether a model is one of the pocket models, as it was loaded or trained further.

    The pages ask before they assert a number: what was measured on a pocket model says nothing
    about another one. Taught in :doc:`/book/start/pocket-models`.

    Args:
        model: What `load` returned, or a wrapper of `peft` around it.

    Example:
        >>> from companion.models import is_pocket, load
        >>> is_pocket(load("base", source="pocket").model)
        True
    """
    origin = getattr(model, "name_or_path", "")
    return bool(origin) and WEIGHTS_ROOT in Path(origin).parents


def prepare_tokenizer(tokenizer: Any) -> Any:
    """Set a tokenizer up for generation: padding on the left, and some padding token.

    A tokenizer without a padding token (GPT-2) gets EOS in that place. Nothing is added to the
    vocabulary, so the model needs no change. For generating and scoring this is harmless, since
    padding is masked. For training it is not: a collator that ignores every padding token would
    ignore the real EOS as well, and the model would never learn to stop.

    Args:
        tokenizer: A `transformers` tokenizer. Changed in place.

    Returns:
        The same tokenizer.
    """
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def _locate(
    target: Target,
    revision: str | None,
    weights_root: Path,
    check: Callable[[Path], None],
) -> Path:
    if target.head == "encoder" and target.pocket is not None:
        return embedding_folder()
    if target.pocket is not None:
        return verify_pocket(weights_root, target.pocket)
    if target.folder is not None:
        return target.folder
    if target.open:
        return open_folder()
    if target.gguf is not None:
        return converted(target.gguf)
    listed = HUB_MODELS.get(target.hub_id)
    revision = revision or (listed.revision if listed else "main")
    return fetch_snapshot(target.hub_id, revision, check=check)


def _skeleton(folder: Path, head: str) -> Any:
    """Build the model without weights, on the device where nothing takes memory."""
    with _explained(folder):
        config = transformers.AutoConfig.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        with torch.device("meta"):
            return MODEL_CLASSES[head].from_config(config)


def _needed_bytes(skeleton: Any, dtype: torch.dtype, quantization: str | None) -> int:
    if quantization is not None:
        return quantized_bytes(skeleton, quantization, dtype)
    return sum(parameter.numel() for parameter in skeleton.parameters()) * dtype.itemsize


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn an error of `transformers` into ours."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        if "trust_remote_code" in str(error):
            raise WeightsError(
                f"{folder} needs Python code from its repository, which this package never runs. "
                "Choose a model whose architecture is part of transformers."
            ) from error
        raise WeightsError(f"transformers can't load {folder}: {error}") from error


def _load_model(folder: Path, head: str, dtype: torch.dtype, settings: dict[str, Any]) -> Any:
    """Load the weights, and insist that none was missing.

    `transformers` fills a missing weight with random numbers and only logs it.
    """
    with _explained(folder), no_progress_bar():
        model, info = MODEL_CLASSES[head].from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **settings,
        )
    missing = sorted(info["missing_keys"])
    if missing:
        raise WeightsError(
            f"{folder} has no weights for {len(missing)} tensors of {type(model).__name__}, such "
            f"as {missing[0]}. {_reason(info['unexpected_keys'])}"
        )
    return model


def _reason(others: Iterable[str]) -> str:
    """Say why weights are missing, by the names of those that are there in their place."""
    marks = [mark for mark in _ADDED if any(mark in f"{name}$" for name in others)]
    if not marks:
        return "Is it a checkpoint of another kind of model?"
    remedies = " ".join(_ADDED[mark] for mark in marks)
    return f"It was saved with what training had added beside its weights. {remedies}"


def _load_tokenizer(folder: Path, head: str) -> Any:
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"transformers can't load the tokenizer in {folder}: {error}") from error
    # An encoder counts positions from the left, so its padding stays on the right.
    return tokenizer if head == "encoder" else prepare_tokenizer(tokenizer)


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Keep the bars of transformers out, over files that take no time; then restore the setting."""
    enabled = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            transformers_logging.enable_progress_bar()
