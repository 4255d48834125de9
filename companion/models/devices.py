"""Device, dtype and memory: where a model runs and whether it fits.

Taught in :doc:`/book/start/pocket-models`. Left out: several devices, offloading, MPS as a default
(pass ``device="mps"`` to try it).
"""

import os
import shutil
from pathlib import Path

import torch

from companion._interface import advice
from companion.errors import NotEnoughMemoryError
from companion.quantization.footprint import GIB


def pick_device() -> torch.device:
    """Return the CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def check_device(device: torch.device | str) -> torch.device:
    """Return the device that is meant, if this machine has it.

    Args:
        device: A name of torch: "cpu", "cuda", "cuda:1", "mps".

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
        raise ValueError(
            f"unknown device {device!r}. Here there is {_listed(here)}; None picks one."
        ) from error
    if (checked.index or 0) >= here.get(checked.type, 0):
        hint = ""
        if checked.type == "cuda" and torch.version.cuda is None:
            hint = " The installed torch is a build without CUDA."
        raise ValueError(
            f"device {str(device)!r} is not available: here there is {_listed(here)}.{hint} "
            "Leave device out to take the best one."
        )
    return checked


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

    bfloat16 has the range of float32, so nothing overflows; GPUs have it from compute capability
    8.0 (Ampere) on. A T4 (7.5) computes in float16. On the CPU float32 is exact and fast.

    Args:
        device: Where the model will run; `pick_device` if None.

    Returns:
        ``torch.bfloat16``, ``torch.float16`` or ``torch.float32``.

    Raises:
        ValueError: If this machine has no such device.

    Example:
        >>> pick_dtype("cpu")
        torch.float32
    """
    device = check_device(device) if device is not None else pick_device()
    if device.type != "cuda":
        return torch.float32
    return _gpu_dtype(torch.cuda.get_device_capability(device))


def _gpu_dtype(capability: tuple[int, int]) -> torch.dtype:
    """Choose by compute capability ``(major, minor)``.

    >>> _gpu_dtype((7, 5)), _gpu_dtype((8, 0))
    (torch.float16, torch.bfloat16)
    """
    return torch.bfloat16 if capability >= (8, 0) else torch.float16


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
