"""Load with bitsandbytes: settings, and what has to be set right on a CPU.

Taught in :doc:`/book/open-models/bitsandbytes`.
"""

import copy
import logging
import math
from types import MethodType, ModuleType
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from companion._extras import quiet_imports, require
from companion.quantization.footprint import count_weights, weight_bytes

QUANTIZATIONS = ("int8", "nf4", "fp4")


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
    import_bitsandbytes()


def import_bitsandbytes() -> ModuleType:
    """Import bitsandbytes, without the messages that it repeats.

    Returns:
        The module.

    Raises:
        MissingExtraError: If it is not installed.
    """
    logging.getLogger("bitsandbytes.autograd._functions").addFilter(_worth_saying)
    with quiet_imports():
        return require("bitsandbytes", extra="quant")


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


def restored_weight(layer: nn.Module) -> Tensor:
    """Return the numbers that the weights of a 4-bit layer stand for.

    bitsandbytes 0.50 restores wrong numbers on CPUs with AVX512 if a row is long and no multiple
    of 64 (such as 688). Blocks of 64 run through the flattened matrix, so whole blocks can be
    restored as a matrix of 64 columns, where that fault does not occur. The last block is filled
    up for it, whatever the shape.

    Args:
        layer: A ``Linear4bit`` of bitsandbytes.

    Returns:
        Weights in the layer's compute dtype, shape ``(out_features, in_features)``.
    """
    functional = import_bitsandbytes().functional
    state = copy.copy(layer.weight.quant_state)
    shape, count = state.shape, state.shape.numel()
    if count == 0:
        return torch.zeros(shape, dtype=state.dtype, device=layer.weight.device)
    blocks = math.ceil(count / state.blocksize)
    state.shape = torch.Size((blocks, state.blocksize))
    packed = layer.weight.data.reshape(-1).view(torch.uint8)  # two numbers in each byte
    packed = nn.functional.pad(packed, (0, blocks * state.blocksize // 2 - len(packed)))
    numbers = functional.dequantize_4bit(packed[:, None], state)
    return numbers.reshape(-1)[:count].reshape(shape)


def compute_on_cpu(model: nn.Module) -> nn.Module:
    """Let 4-bit layers on a CPU restore their weights and multiply, and nothing else.

    Left to itself, bitsandbytes 0.50 repacks weights on CPUs with AVX512-BF16 (which rounds all
    scales to bfloat16, drops double quantization, and fails where an output size is no multiple of
    32), and see `restored_weight`. This way results are the same on every CPU. On a GPU nothing is
    changed.

    Args:
        model: A model that was loaded with bitsandbytes. Changed in place.

    Returns:
        The same model.
    """
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if getattr(weight, "quant_state", None) is not None and weight.device.type == "cpu":
            module.forward = MethodType(_multiply, module)
    return model


def _multiply(layer: nn.Module, inputs: Tensor) -> Tensor:
    """Compute what a linear layer computes. Gradients reach the inputs, not the weights."""
    weight = restored_weight(layer).to(inputs.dtype)
    bias = None if layer.bias is None else layer.bias.to(inputs.dtype)
    return nn.functional.linear(inputs, weight, bias)


_multiply.computes_the_same = True  # `companion.linear_layers.check_call` lets it through


def _worth_saying(entry: logging.LogRecord) -> bool:
    """Drop what is said for each layer, at each call: that LLM.int8() computes in float16."""
    return "inputs will be cast from" not in entry.getMessage()
