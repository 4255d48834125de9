"""Device, dtype and memory: where a model runs and whether it fits.

The environment variables COMPANION_DEVICE and COMPANION_DTYPE stand for the arguments ``device``
and ``dtype`` of `companion.load` where a call leaves them out, so that a page runs on a GPU without
a change. Taught in :doc:`/book/start/pocket-models`. Left out: several devices, offloading, MPS as
a default (pass ``device="mps"`` to try it).
"""

import os
import shutil
from pathlib import Path

import torch

from companion._interface import advice
from companion.errors import NotEnoughMemoryError
from companion.quantization.footprint import GIB

DEVICE_VARIABLE = "COMPANION_DEVICE"
"""Names the device where a call does not."""
DTYPE_VARIABLE = "COMPANION_DTYPE"
"""Names the dtype where a call does not."""


def pick_device(*, small: bool = False) -> torch.device:
    """Return the device that COMPANION_DEVICE names; else the CUDA device if there is one.

    Args:
        small: The model is small enough for any CPU and stays there if no variable says otherwise.

    Raises:
        ValueError: If COMPANION_DEVICE names no device of this machine.
    """
    named = os.environ.get(DEVICE_VARIABLE)
    if named:
        return check_device(named, variable=DEVICE_VARIABLE)
    return torch.device("cuda" if torch.cuda.is_available() and not small else "cpu")


def check_device(device: torch.device | str, *, variable: str | None = None) -> torch.device:
    """Return the device that is meant, if this machine has it.

    Args:
        device: A name of torch: "cpu", "cuda", "cuda:1", "mps".
        variable: The environment variable that named it, for the message.

    Returns:
        The device.

    Raises:
        ValueError: If there is no such device, or not on this machine, or not for this torch.

    Example:
        >>> check_device("cpu")
        device(type='cpu')
    """
    here = {"cpu": 1}
    if torch.accelerator.is_available():
        here[torch.accelerator.current_accelerator().type] = torch.accelerator.device_count()
    try:
        checked = torch.device(device)
    except (RuntimeError, TypeError, ValueError) as error:
        hint = f"unset {variable} to have one picked" if variable else "None picks one"
        raise ValueError(
            f"unknown device {device!r}{_named_by(variable)}. Here there is {_listed(here)}; "
            f"{hint}."
        ) from error
    if (checked.index or 0) >= here.get(checked.type, 0):
        hint = ""
        if checked.type == "cuda" and torch.version.cuda is None:
            hint = " The installed torch is a build without CUDA."
        remedy = f"Unset {variable}" if variable else "Leave device out"
        raise ValueError(
            f"device {str(device)!r}{_named_by(variable)} is not available: here there is "
            f"{_listed(here)}.{hint} {remedy} to take the best one."
        )
    return checked


def _named_by(variable: str | None) -> str:
    return f" (environment variable {variable})" if variable else ""


def _listed(devices: dict[str, int]) -> str:
    """Name devices as they are passed.

    >>> _listed({"cpu": 1, "cuda": 2})
    "'cpu', 'cuda:0', 'cuda:1'"
    """
    names = [
        kind if count == 1 else f"{kind}:{index}"
        for kind, count in devices.items()
        for index in range(count)
    ]
    return ", ".join(map(repr, names))


def pick_dtype(device: torch.device | str | None = None) -> torch.dtype:
    """Choose the number format for inference: bfloat16 if the GPU has it, float16 else.

    COMPANION_DTYPE, if it is set, has the last word. bfloat16 has the range of float32, so nothing
    overflows; GPUs have it from compute capability 8.0 (Ampere) on. A T4 (7.5) computes in float16.
    On the CPU float32 is exact and fast.

    Args:
        device: Where the model will run; `pick_device` if None.

    Returns:
        ``torch.bfloat16``, ``torch.float16`` or ``torch.float32``.

    Raises:
        ValueError: If this machine has no such device, or COMPANION_DTYPE names no dtype.

    Example:
        >>> pick_dtype("cpu")
        torch.float32
    """
    device = check_device(device) if device is not None else pick_device()
    named = os.environ.get(DTYPE_VARIABLE)
    if named:
        return check_dtype(named, variable=DTYPE_VARIABLE)
    if device.type != "cuda":
        return torch.float32
    return _gpu_dtype(torch.cuda.get_device_capability(device))


def _gpu_dtype(capability: tuple[int, int]) -> torch.dtype:
    """Choose by compute capability ``(major, minor)``.

    >>> _gpu_dtype((7, 5)), _gpu_dtype((8, 0))
    (torch.float16, torch.bfloat16)
    """
    return torch.bfloat16 if capability >= (8, 0) else torch.float16


def check_dtype(dtype: torch.dtype | str, *, variable: str | None = None) -> torch.dtype:
    """Return the number format that is meant.

    Args:
        dtype: A floating-point dtype of torch, or its name.
        variable: The environment variable that named it, for the message.

    Returns:
        The dtype.

    Raises:
        ValueError: If it is no such dtype.

    Example:
        >>> check_dtype("bfloat16")
        torch.bfloat16
    """
    known = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(known, torch.dtype) or not known.is_floating_point:
        raise ValueError(
            f"{variable or 'dtype'} must be 'float32', 'bfloat16' or 'float16', got {dtype!r}"
        )
    return known


def available_memory(device: torch.device | str) -> int | None:
    """Return the free bytes of a device, or None where the system doesn't tell."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return _linux_available() or _free_pages()


def available_disk(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on.

    Args:
        folder: A folder, which need not exist yet.

    Returns:
        Bytes.
    """
    folder = folder.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    return shutil.disk_usage(existing).free


def check_memory(name: str, needed: int, available: int | None, device: torch.device) -> None:
    """Refuse to load what doesn't fit, instead of letting the system kill the process.

    Args:
        name: The model, for the message.
        needed: Bytes of the weights in the dtype asked for.
        available: Free bytes on the device; None skips the check.
        device: The device, for the message.

    Raises:
        NotEnoughMemoryError: If ``needed`` exceeds ``available``.
    """
    if available is None or needed <= available:
        return
    remedy = ", a smaller dtype such as {dtype}, or another {device}"
    raise NotEnoughMemoryError(
        f"{name} needs {needed / GIB:.2f} GiB for its weights, but {device} has "
        f"{available / GIB:.2f} GiB free. Choose a smaller model"
        f"{advice(remedy, dtype='bfloat16', device=None)}, or free memory by deleting models you "
        "no longer use."
    )


def _linux_available() -> int | None:
    """Read MemAvailable: free memory plus the caches that Linux gives back on demand."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.is_file():
        return None
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    return next((int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:"), None)


def _free_pages() -> int | None:
    names = getattr(os, "sysconf_names", {})
    if "SC_AVPHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return None
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
