"""The linear layers of a model by name: list, find and check them, put another module in place.

LoRA and adapters are built on it. A layer that can't take an addition is refused before anything
changes. Taught in :doc:`/book/training/lora`.

Left out: embeddings, convolutions and fused experts, which are no linear layers.
"""

import ast
import inspect
import textwrap
from abc import abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import nn
from torch.nn.utils import parametrize
from transformers.pytorch_utils import Conv1D

__all__ = [
    "LINEAR",
    "Addition",
    "Conv1D",
    "check_call",
    "check_plain",
    "find_layers",
    "freeze",
    "layer_shape",
    "linear_layers",
    "linear_names",
    "replace_module",
]

LINEAR = (nn.Linear, Conv1D)
"""What counts as a linear layer. The ``Conv1D`` of GPT-2 is one whose weight is transposed."""

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
"""What torch computes x W + b in, and adds to. Numbers of 8 bits are for storing only."""


_HOOKS = {
    "_forward_pre_hooks": "before each call",
    "_forward_hooks": "after each call",
    "_backward_pre_hooks": "before each backward pass",
    "_backward_hooks": "after each backward pass",
}
"""Where torch keeps the hooks of a module, and when it runs them."""


class Addition(nn.Module):
    """A module with a few trainable parameters of its own that was put into a frozen model."""

    @abstractmethod
    def added_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that are its own, not those of the layer that it is added to."""


def freeze(model: nn.Module) -> None:
    """Freeze a model but for what `Addition` modules have added; these stay as they are."""
    additions = [module for module in model.modules() if isinstance(module, Addition)]
    added = {id(p) for addition in additions for p in addition.added_parameters()}
    for parameter in model.parameters():
        if id(parameter) not in added:
            parameter.requires_grad_(False)


def layer_shape(layer: nn.Module) -> tuple[int, int]:
    """Return how many values a linear layer reads and how many it gives.

    Raises:
        ValueError: If the layer is neither an `nn.Linear` nor a ``Conv1D``.
    """
    if isinstance(layer, Conv1D):
        return layer.nx, layer.nf
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    raise ValueError(f"the layer must be an nn.Linear or a Conv1D, got {type(layer).__name__}")


def check_plain(layer: nn.Module, name: str = "the layer") -> None:
    """Refuse a linear layer whose weight can't be taken as it is and changed.

    Args:
        layer: An `nn.Linear` or a ``Conv1D``.
        name: How messages call it.

    Raises:
        ValueError: If the layer computes something else than ``x W + b`` or runs hooks, or its
            weight is no parameter of its own (weight normalization, pruning), or of another type
            than `FLOATS`.
    """
    if parametrize.is_parametrized(layer):
        raise ValueError(f"the weight of {name} is computed from others (a parametrization)")
    if type(layer).forward not in (nn.Linear.forward, Conv1D.forward):
        raise ValueError(
            f"{name} is a {type(layer).__name__}, which computes something else than x W + b. Name "
            "plain linear layers"
        )
    if layer._parameters.get("weight") is None:  # weight_norm, spectral_norm, prune of torch
        raise ValueError(
            f"the weight of {name} is computed from others before each call, so that a change of "
            "it would be lost. Make it plain first (remove_weight_norm, prune.remove, ...)"
        )
    if nn.parameter.is_lazy(layer.weight) or not torch.is_floating_point(layer.weight):
        raise ValueError(f"the weight of {name} holds no floating-point numbers")
    check_call(layer, name)
    if layer.weight.dtype not in FLOATS:
        raise ValueError(
            f"the weight of {name} is of type {layer.weight.dtype}, which can be stored and not "
            "added to. Load the model in float32, float16 or bfloat16"
        )


def check_call(layer: nn.Module, name: str = "the layer") -> None:
    """Refuse a module that does more when it is called than its class says.

    A hook may change what goes in and what comes out. It acts on the layer and not on what is
    added to it, so that the sum is another one than that of a layer with the addition in its
    weight. What accelerate puts around a layer to move its inputs to a device is let through, and
    so is a ``forward`` with the attribute ``computes_the_same``: that of a 4-bit layer on a CPU.

    Args:
        layer: Any module.
        name: How messages call it.

    Raises:
        ValueError: If it runs hooks, or its ``forward`` was replaced.
    """
    for place, when in _HOOKS.items():
        if getattr(layer, place):
            raise ValueError(
                f"{name} runs a hook {when}, which may change what it computes and would miss "
                "what is added. Remove the hook first"
            )
    if "forward" in vars(layer) and not _is_harmless(layer):
        raise ValueError(
            f"the forward of {name} was replaced, so that it may compute something else than its "
            "class says. Delete the attribute forward of the layer first, or, if accelerate "
            "has offloaded the model, load it whole"
        )


def _is_harmless(layer: nn.Module) -> bool:
    """Whether a replaced `forward` computes the same, or only moves tensors (accelerate)."""
    hook = getattr(layer, "_hf_hook", None)
    moves = type(hook).__name__ == "AlignDevicesHook" and not hook.offload
    return moves or getattr(layer.forward, "computes_the_same", False)


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Return all linear layers by name, without the one that gives the logits.

    These are the layers that libraries quantize, too.
    """
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, LINEAR) and module is not head
    }


def linear_names(model: nn.Module) -> list[str]:
    """Return the last names of all linear layers, without the one that gives the logits.

    Pass them as ``targets`` to give each of these layers an update, as QLoRA does (Dettmers et
    al. 2023, https://arxiv.org/abs/2305.14314). Layers inside of an `Addition` are left out.
    """
    names = [n for n in linear_layers(model) if n and _addition_around(model, n) is None]
    return list(dict.fromkeys(name.rpartition(".")[2] for name in names))


def find_layers(
    model: nn.Module,
    targets: Sequence[str],
    *,
    quantized: bool = False,
    must_be_called: bool = True,
) -> dict[str, nn.Module]:
    """Return the linear layers that ``targets`` name, in the order of the model.

    Args:
        model: Any module.
        targets: Names of layers, as ``target_modules`` of `peft`: ``"q_proj"`` stands for every
            layer whose name is ``q_proj`` or ends in ``.q_proj``.
        quantized: Whether layers of bitsandbytes count.
        must_be_called: Refuse a layer whose weight is read by the module that holds it, as
            torch's attention reads that of ``out_proj``: a wrapper around the layer is bypassed.

    Returns:
        Full names and layers.

    Raises:
        ValueError: If a target matches nothing, no plain linear layer, one that shares its weight,
            one that has an addition, or one that is not called; or if `peft` has changed the model.
            See `check_plain` for what a plain layer is.
    """
    wanted = isinstance(targets, Iterable) and not isinstance(targets, str) and list(targets)
    if not wanted or not all(isinstance(target, str) for target in wanted):
        raise ValueError(f"targets must be a list of names of layers, got {targets!r}")
    modules = dict(model.named_modules())
    if any(type(module).__module__.startswith("peft.") for module in modules.values()):
        raise ValueError(
            "peft has added layers to this model already: call .merge_and_unload() or .unload() "
            "of the PeftModel first, or name all layers in one call"
        )
    matches = {t: [n for n in modules if n and (n == t or n.endswith(f".{t}"))] for t in wanted}
    for target, names in matches.items():
        if not names:
            known = ", ".join(linear_names(model)) or "none"
            raise ValueError(f"no layer is called {target!r}. Linear layers of this model: {known}")
        for name in names:
            _check_layer(model, name, modules[name], quantized)
            if must_be_called:
                _check_called(model, name)
    every = {name for names in matches.values() for name in names}
    return {name: module for name, module in modules.items() if name in every}


def replace_module(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` in the place of the one called ``name``."""
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, module)


def _check_layer(model: nn.Module, name: str, layer: nn.Module, quantized: bool) -> None:
    around = _addition_around(model, name)
    if around is not None:
        raise ValueError(
            f"{name} has an addition already, a {type(around).__name__}: merge it first, or name "
            "other layers"
        )
    if not isinstance(layer, LINEAR):
        known = ", ".join(linear_names(model)) or "none"
        raise ValueError(f"{name} is a {type(layer).__name__}. Name linear layers: {known}")
    if not type(layer).__module__.startswith("bitsandbytes"):
        check_plain(layer, name)
    elif not quantized:
        raise ValueError(
            f"{name} is quantized; use companion.training.adapters.apply_lora, which takes such "
            "layers"
        )
    else:
        check_call(layer, name)
    for other, parameter in model.named_parameters(remove_duplicate=False):
        if parameter is layer.weight and other != f"{name}.weight":
            raise ValueError(f"{name} shares its weight with {other}: a change would hit both")


def _addition_around(model: nn.Module, name: str) -> Addition | None:
    """Return the `Addition` that the module called ``name`` is or belongs to, if any."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        module = model.get_submodule(".".join(parts[:end]))
        if isinstance(module, Addition):
            return module
    return None


def _check_called(model: nn.Module, name: str) -> None:
    holder, _, attribute = name.rpartition(".")
    parent = model.get_submodule(holder)
    if _reads_weight(type(parent), attribute):
        raise ValueError(
            f"{name} can't take this: {type(parent).__name__} reads its weight instead of calling "
            "it, so a wrapper around the layer is bypassed. Name other layers"
        )


def _reads_weight(holder: type, attribute: str) -> bool:
    """Whether the code of a class uses ``self.<attribute>.weight``, not only its dtype or type."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(holder)))
    except (OSError, TypeError, SyntaxError):  # a class without source, or built in C
        return False
    wanted, facts = f"self.{attribute}.weight", ("dtype", "device", "shape")
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    harmless = {id(node.value) for node in nodes if node.attr in facts}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checks = [node for node in calls if ast.unparse(node.func) == "isinstance"]
    harmless |= {id(node.args[0]) for node in checks}
    return any(ast.unparse(node) == wanted and id(node) not in harmless for node in nodes)
