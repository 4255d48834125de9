"""The face of a package: its public names, each looked up in its module on first use (PEP 562).

``import companion.rag`` then takes no time, and BM25 does not wait for faiss. A face names its
homes for Python, the same imports under ``TYPE_CHECKING`` for editors, and ``__all__``; a test
compares the three.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package.

    Args:
        package: Its ``__name__``.
        homes: For each module of it the names that it gives, with spaces between them.

    Example:
        >>> look_up, _ = lazy("companion", {"generation.params": "SamplingParams"})
        >>> look_up("SamplingParams").__module__
        'companion.generation.params'
    """
    modules = {name: module for module, names in homes.items() for name in names.split()}

    def look_up(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})  # for tab completion

    return look_up, listed
