"""Which models are read by `companion.generation.llama`, and which take their own forward.

Written out, a forward pass knows nothing of what is put into a model or around it. So it reads only
what it knows part by part: a Llama of `transformers` with nothing added. Taught in
:doc:`/book/gpt/kv-cache`.
"""

import re
from typing import Any

from torch import is_autocast_enabled, nn
from torch.nn.modules import module as torch_module

_LLAMA = "transformers.models.llama.modeling_llama.Llama"
_PARTS = {
    *(_LLAMA + part for part in ("ForCausalLM", "Model", "DecoderLayer", "Attention", "MLP")),
    *(_LLAMA + part for part in ("RMSNorm", "RotaryEmbedding")),
    "transformers.activations.SiLUActivation",
    "torch.nn.modules.activation.SiLU",
    "torch.nn.modules.container.ModuleList",
    "torch.nn.modules.linear.Linear",
    "torch.nn.modules.sparse.Embedding",
}
_ROTATIONS = ("default", "linear", "llama3")  # the others depend on the length of the text
_RECORDER = "transformers.utils.output_capturing"  # its hooks act inside of `forward` only


def is_plain_llama(model: Any) -> bool:
    """Whether a model is a Llama as `transformers` builds it, with nothing put in or around it.

    Adapters, quantized or sharded weights, biases, hooks, methods that were replaced, attention of
    another kind, autocast, training mode, several devices or dtypes: all of these are not plain.

    Args:
        model: Any causal language model.
    """
    if _class_name(model) != _LLAMA + "ForCausalLM":
        return False
    kinds = {
        (type(parameter), parameter.dtype, parameter.device) for parameter in model.parameters()
    }
    kind, _, device = next(iter(kinds))
    return (
        len(kinds) == 1
        and kind is nn.Parameter
        and not is_autocast_enabled(device.type)
        and not _has_global_hook()
        and model.config._attn_implementation in ("sdpa", "eager")
        and model.model.rotary_emb.rope_type in _ROTATIONS
        and all(_is_plain(module) for module in model.modules())
    )


def _has_global_hook() -> bool:
    """Whether PyTorch has a hook for every module; it can be asked only in newer releases."""
    kept = vars(torch_module).items()
    return any(hooks for name, hooks in kept if re.fullmatch(r"_global_\w+_hooks", name))


def _is_plain(module: nn.Module) -> bool:
    hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    return (
        _class_name(module) in _PARTS
        and "forward" not in vars(module)
        and all(getattr(hook, "__module__", None) == _RECORDER for hook in hooks)
        and getattr(module, "bias", None) is None
        and not module.training
        and not getattr(module, "gradient_checkpointing", False)
    )


def _class_name(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
