"""Build and load the device "far": a second device for torch on a machine without a GPU.

    from far_device import enable
    enable()
    tensor = torch.ones(3, device="far")

Its memory and its arithmetic are the CPU's, so results are the CPU's to the last digit. What it
refuses is what a GPU refuses: two devices in one operation, ``.numpy()``, a generator of another
device. So a page or a test that passes there handles devices rightly. It says nothing about speed,
about memory or about half precision.

Building takes a compiler and half a minute, once for each version of torch and of far.cpp.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).with_name("far.cpp")
NAME = "far"
_BUILDS = Path(__file__).parents[3] / "_build" / "far"


def can_build() -> bool:
    """Whether the machine has what the build takes: a compiler of C++, and ninja."""
    return shutil.which("c++") is not None and shutil.which("ninja") is not None


def build() -> Path:
    """Build the library unless it is there; returns its file.

    Raises:
        RuntimeError: If the compiler fails or is missing.
    """
    import torch
    from torch.utils import cpp_extension

    from companion._files import replacing

    key = hashlib.sha256(SOURCE.read_bytes() + torch.__version__.encode() + sys.version.encode())
    name = f"far_{key.hexdigest()[:12]}"
    target = _BUILDS / f"{name}.so"
    if not target.is_file():
        if not can_build():
            raise RuntimeError("the device 'far' needs a C++ compiler (c++) and ninja to be built")
        scratch = _BUILDS / f"{name}.{os.getpid()}"
        scratch.mkdir(parents=True, exist_ok=True)
        try:
            cpp_extension.load(
                name,
                [str(SOURCE)],
                extra_cflags=["-O1"],
                build_directory=str(scratch),
                is_python_module=False,
            )
            with replacing(target) as new:
                shutil.copyfile(scratch / f"{name}.so", new)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def enable(library: Path | None = None) -> None:
    """Give this process the device; it stays until the process ends.

    Args:
        library: What `build` returned; built if None.
    """
    import torch

    if hasattr(torch, NAME):
        return
    library = library or build()
    torch.utils.rename_privateuse1_backend(NAME)
    torch.ops.load_library(str(library))
    torch._register_device_module(NAME, _device_module())
    torch.utils.generate_methods_for_privateuse1_backend(for_storage=True)
    # Without it, a weight that two layers share becomes two weights on its way there.
    torch.__future__.set_swap_module_params_on_conversion(True)


def _device_module() -> ModuleType:
    """What torch expects to find as ``torch.far``."""
    import torch

    module = ModuleType(f"torch.{NAME}")
    module.is_available = lambda: True
    module.is_initialized = lambda: True
    module.device_count = lambda: 1
    module.current_device = lambda: 0
    module.set_device = lambda device: None
    module.synchronize = lambda device=None: None
    module.empty_cache = lambda: None
    module.manual_seed = module.manual_seed_all = lambda seed: None  # the CPU's numbers are drawn
    module.get_rng_state = lambda device=None: torch.get_rng_state()
    module.set_rng_state = lambda state, device=None: torch.set_rng_state(state)
    module.get_amp_supported_dtype = lambda: [torch.bfloat16, torch.float16]
    module._is_in_bad_fork = lambda: False
    module.is_bf16_supported = lambda: True
    return module
