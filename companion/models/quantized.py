"""Load with bitsandbytes: settings, and what has to be set right on a CPU.

Taught in :doc:`/book/open-models/bitsandbytes`.
"""

import logging
from typing import Any

import torch
import transformers
from torch import nn

from companion._extras import require
from companion.quantization.footprint import count_weights, weight_bytes

QUANTIZATIONS = ("int8", "nf4", "fp4")

# bitsandbytes says for each layer, at each call, that LLM.int8() computes in float16; and when it
# is imported, that an optional package with a faster kernel is not there.
_SAID_TOO_OFTEN = ("inputs will be cast from", "Failed to load CPU gemm_4bit_forward")


def check_quantization(quantization: str) -> None:
    """Refuse what can't be loaded, before anything is read or fetched.

    Args:
        quantization: What the caller asked for.

    Raises:
        ValueError: If it is none of `QUANTIZATIONS`.
        MissingExtraError: If bitsandbytes is not installed.
    """
    if quantization not in QUANTIZATIONS:
        raise ValueError(
            f"quantization must be one of {', '.join(map(repr, QUANTIZATIONS))}, or None, got "
            f"{quantization!r}"
        )
    for name in ("bitsandbytes.autograd._functions", "bitsandbytes.backends.cpu.ops"):
        logging.getLogger(name).addFilter(_worth_saying)
    require("bitsandbytes", extra="quant")


def quantized_bytes(skeleton: nn.Module, quantization: str, dtype: torch.dtype) -> int:
    """Compute the bytes of a model's weights from its shapes.

    Args:
        skeleton: The model on the "meta" device.
        quantization: Format of the linear layers.
        dtype: Format of everything else.

    Returns:
        Bytes.
    """
    name = str(dtype).removeprefix("torch.")
    return int(weight_bytes(count_weights(skeleton), quantization, dtype=name))


def quantization_settings(
    quantization: str, dtype: torch.dtype, device: torch.device
) -> dict[str, Any]:
    """Return the arguments of ``from_pretrained``.

    Args:
        quantization: "int8", "nf4" or "fp4".
        dtype: Format to compute in, once 4-bit weights are restored.
        device: Where the model goes. It is quantized on its way there.

    Returns:
        ``quantization_config`` and ``device_map``.
    """
    if quantization == "int8":
        config = transformers.BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization,
            bnb_4bit_use_double_quant=quantization == "nf4",
            bnb_4bit_compute_dtype=dtype,
        )
    return {"quantization_config": config, "device_map": {"": device}}


def use_stored_format(model: nn.Module) -> nn.Module:
    """Keep bitsandbytes from repacking 4-bit weights on CPUs with AVX512-BF16.

    The repacked form rounds all scales to bfloat16, drops double quantization, computes in
    bfloat16, and fails where a layer's output size is no multiple of 32. Without it the results
    are the same on every CPU.

    Args:
        model: A model that was loaded with bitsandbytes. Changed in place.

    Returns:
        The same model.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def _worth_saying(entry: logging.LogRecord) -> bool:
    return not any(text in entry.getMessage() for text in _SAID_TOO_OFTEN)
