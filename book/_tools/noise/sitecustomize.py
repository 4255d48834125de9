"""Every weight is a little different, as every sum of a model is on another CPU.

Python imports this module by itself where its folder is on PYTHONPATH, in a notebook's kernel too.
So the code under test has no switch for it and does not know. The environment says how much:

    BOOK_WOBBLE_SEED   which disturbance; without it, or with 0, there is none
    BOOK_WOBBLE_SIZE   e: a weight w becomes w * (1 + e * x)

Each x lies between -1.73 and 1.73 (mean square 1) and depends on w and on the seed only. So the
same weight is disturbed in the same way wherever it is read, and two ways of computing one thing
still agree. A zero stays a zero.

Disturbed are float32 weights

- that ``PreTrainedModel.from_pretrained`` of transformers returns, below sentence-transformers,
  peft and `companion.load` too,
- that ``safetensors.torch.load_file`` reads,
- that a random initializer of ``torch.nn.init`` draws: training from scratch starts elsewhere.

A training run carries the disturbance on and makes it larger, so its steps need none of their own.
What the notebook itself wrote is read back as it is: on another CPU a file does not change.
Half-precision and packed weights, buffers, and numbers drawn elsewhere stay as they are. What else
differs on another CPU, the kernels themselves, is changed by the settings of `wobble`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

SEED = int(os.environ.get("BOOK_WOBBLE_SEED", "0"))
SIZE = float(os.environ.get("BOOK_WOBBLE_SIZE", "0"))
STARTED = time.time()
_FACTORS = (0x2C1B3C6D, 0x297A2D39, 0x3C6EF35F)  # odd; they spread a bit over all bits
INITIALIZERS = (
    "uniform_",
    "normal_",
    "trunc_normal_",
    "xavier_uniform_",
    "xavier_normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
    "orthogonal_",
    "sparse_",
)


def disturb(weights: object, seed: int = SEED, size: float = SIZE) -> None:
    """Multiply a float32 tensor of torch by ``1 + size * x``, in place; leave others alone.

    Args:
        weights: Tensor of any shape.
        seed: Which disturbance.
        size: Root mean square of the relative change.
    """
    import torch

    if weights.dtype != torch.float32:
        return
    with torch.no_grad():
        mixed = weights.detach().view(torch.int32).clone() ^ (seed * 0x3C6EF372 & 0x7FFFFFFF)
        for factor in _FACTORS:
            mixed *= factor
            mixed ^= (mixed >> 15) & 0x1FFFF  # without the copies of the sign
        x = mixed.double() * (3**0.5 / 2**31)
        weights.copy_(weights * (1 + size * x))


def is_own(path: object) -> bool:
    """Did this process write the file, or a weights file in the folder?"""
    try:
        place = Path(path)
        files = place.rglob("*.safetensors") if place.is_dir() else [place]
        return any(file.stat().st_mtime >= STARTED for file in files)
    except (TypeError, OSError):
        return False  # the name of a model, not of a file


def change_transformers(module: ModuleType) -> None:
    """Disturb what ``from_pretrained`` returns."""
    original = module.PreTrainedModel.from_pretrained.__func__

    @wraps(original)
    def from_pretrained(cls: type, path: object, *args: object, **kwargs: object) -> object:
        loaded = original(cls, path, *args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        if not is_own(path):
            for parameter in model.parameters():
                disturb(parameter)
        return loaded

    module.PreTrainedModel.from_pretrained = classmethod(from_pretrained)


def change_safetensors(module: ModuleType) -> None:
    """Disturb what ``load_file`` returns."""
    original = module.load_file

    @wraps(original)
    def load_file(filename: object, *args: object, **kwargs: object) -> dict:
        tensors = original(filename, *args, **kwargs)
        if not is_own(filename):
            for tensor in tensors.values():
                disturb(tensor)
        return tensors

    module.load_file = load_file


def change_initializers(module: ModuleType) -> None:
    """Disturb what the random initializers draw."""

    def disturbed(original: Callable) -> Callable:
        @wraps(original)
        def initialize(tensor: object, *args: object, **kwargs: object) -> object:
            result = original(tensor, *args, **kwargs)
            disturb(tensor)
            return result

        return initialize

    for name in INITIALIZERS:
        setattr(module, name, disturbed(getattr(module, name)))


CHANGES: dict[str, Callable[[ModuleType], None]] = {
    "torch.nn.init": change_initializers,
    "safetensors.torch": change_safetensors,
    "transformers.modeling_utils": change_transformers,
}


class Finder(MetaPathFinder):
    """Changes a module right after Python has run it, before anybody else sees it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec, with the change added to what its loader does."""
        change = CHANGES.get(name)
        spec = PathFinder.find_spec(name, path, target) if change else None
        if spec is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = execute_and_change
        return spec


if SEED and SIZE:
    sys.meta_path.insert(0, Finder())
