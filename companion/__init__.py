"""Companion code of the textbook "Large Language Models, Measured".

Importing the package loads nothing heavy and changes no global state: no torch, no
transformers, no seeds, no logging set-up. The names below are looked up on first use (PEP 562).

>>> import companion
>>> companion.SamplingParams(temperature=0).n
1
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

if TYPE_CHECKING:
    from companion.generation.decoding import generate, stream
    from companion.generation.params import SamplingParams
    from companion.models.loading import load

__version__ = "0.1.0"

__all__ = ["SamplingParams", "__version__", "generate", "load", "stream"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "generation.decoding": "generate stream",
        "generation.params": "SamplingParams",
        "models.loading": "load",
    },
)
