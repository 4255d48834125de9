"""A process has the device "far", as a notebook's kernel on a machine with a GPU has "cuda".

Python imports this module by itself where its folder is on PYTHONPATH. The device appears as soon
as torch has been imported; the code under test does not know. The environment variable BOOK_FAR
names the library that `far_device.build` returned. Without it nothing changes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

LIBRARY = os.environ.get("BOOK_FAR")


class Finder(MetaPathFinder):
    """Enables the device right after Python has run torch."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec of torch, with one thing more to do after it was run."""
        spec = PathFinder.find_spec(name, path, target) if name == "torch" else None
        if spec is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_enable(module: ModuleType) -> None:
            sys.meta_path.remove(self)  # not earlier: others only ask whether there is a torch
            execute(module)
            from far_device import enable

            enable(Path(LIBRARY))

        spec.loader.exec_module = execute_and_enable
        return spec


if LIBRARY:
    sys.meta_path.insert(0, Finder())
