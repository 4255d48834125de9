"""Companion code of the textbook "Large Language Models, Measured".

Importing the package loads nothing heavy and changes no global state: no torch, no
transformers, no seeds, no logging set-up. The names below are looked up on first use (PEP 562).

>>> import companion
>>> companion.SamplingParams(temperature=0).n
1
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from companion.generation.decoding import SamplingParams, generate, stream
    from companion.models import load

__version__ = "0.1.0"

__all__ = ["SamplingParams", "__version__", "generate", "load", "stream"]

_HOMES = {
    "SamplingParams": "companion.generation.decoding",
    "generate": "companion.generation.decoding",
    "load": "companion.models",
    "stream": "companion.generation.decoding",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module the first time it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'companion' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the lazy names too, so that tab completion finds them."""
    return sorted({*globals(), *_HOMES})
