"""The files of a checkpoint: are they all there, undamaged, and how large are they?

Only safetensors files are read. The older ``pytorch_model.bin`` is a pickle, and unpickling runs
whatever code the file contains.
"""

import hashlib
import json
import math
from pathlib import Path

from companion._interface import advice
from companion.errors import WeightsError

CHECKSUMS = "SHA256SUMS"
REMEDY = (
    "Restore the files with `git checkout -- companion/pocket/weights`, or reinstall the package."
)


def verify_pocket(root: Path, name: str) -> Path:
    """Check every file of a bundled checkpoint against ``SHA256SUMS`` before it is used.

    Args:
        root: Folder that holds ``SHA256SUMS`` and one folder per checkpoint.
        name: Folder of the checkpoint, such as "base".

    Returns:
        The checkpoint's folder.

    Raises:
        WeightsError: If a file is missing, altered or not listed.
    """
    listed = _read_checksums(root / CHECKSUMS)
    expected = {path: digest for path, digest in listed.items() if path.startswith(f"{name}/")}
    if not expected:
        bundled = ", ".join(sorted({path.split("/")[0] for path in listed})) or "none"
        raise WeightsError(
            f"no pocket weights for the role {name!r} (bundled: {bundled}). "
            f"{advice('Use {source}, or pass', source='hub') or 'Pass'} a folder or a Hub id."
        )
    for path, digest in expected.items():
        if not (root / path).is_file():
            raise WeightsError(f"{root / path} is missing. {REMEDY}")
        if sha256(root / path) != digest:
            raise WeightsError(
                f"{root / path} is damaged: its sha256 is not the one in {CHECKSUMS}. {REMEDY}"
            )
    for file in (root / name).iterdir():
        if f"{name}/{file.name}" not in expected and not file.name.startswith("."):
            raise WeightsError(f"{file} is not listed in {CHECKSUMS}. Remove it. {REMEDY}")
    return root / name


def sha256(file: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a checkpoint.

    Args:
        folder: Folder of the checkpoint.

    Returns:
        The weight files, at least one.

    Raises:
        WeightsError: If the folder is not a complete checkpoint.
    """
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{folder} is not a checkpoint: it has no config.json.{_hint(folder)}")
    index = folder / "model.safetensors.index.json"
    files = _parts(index) if index.is_file() else sorted(folder.glob("*.safetensors"))
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        raise WeightsError(
            f"{folder} lacks {', '.join(missing) or 'a .safetensors file'}. Pickled weights "
            "(.bin, .pt) are not loaded: they can run code. Save the model again with "
            "save_pretrained, or pick a repository with safetensors."
        )
    return files


def _parts(index: Path) -> list[Path]:
    """Return the files that an index of a split checkpoint names."""
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return [index.parent / name for name in sorted(names)]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(
            f"{index} does not list the parts of a checkpoint ({error!r}). Fetch it again."
        ) from error


def _hint(folder: Path) -> str:
    """Say what a folder holds instead of a checkpoint, where that can be seen."""
    if (folder / "adapter_config.json").is_file():
        return (
            " It holds an adapter: load the model that it was trained on, then "
            "peft.PeftModel.from_pretrained(model, folder)."
        )
    if any(folder.glob("*.gguf")):
        return (
            " A GGUF file is in it: pass that file, or serve it with llama-server and run "
            "`companion chat --endpoint URL`."
        )
    return " Pass a folder that save_pretrained has written."


def parameter_count(folder: Path) -> int:
    """Count the numbers stored in a checkpoint by reading its headers only.

    A safetensors file begins with 8 bytes that give the length of a JSON header; the header gives
    name, dtype, shape and position of every tensor; then come the raw numbers.

    Args:
        folder: Folder of the checkpoint.

    Returns:
        Numbers stored. A tied tensor (GPT-2's output layer) is stored, and counted, once.

    Raises:
        WeightsError: If a file is truncated or not safetensors.
    """
    return sum(
        math.prod(entry["shape"]) for file in weight_files(folder) for entry in _header(file)
    )


def _header(file: Path) -> list[dict]:
    """Read the tensor entries of a safetensors file and check that the file is complete."""
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(length, size)))
        entries = [entry for name, entry in header.items() if name != "__metadata__"]
        end = 8 + length + max((entry["data_offsets"][1] for entry in entries), default=0)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(f"{file} is not a readable safetensors file: {error}.") from error
    if size != end:
        raise WeightsError(
            f"{file} is truncated or damaged: it has {size:,} bytes, its header announces "
            f"{end:,}. Fetch it again."
        )
    return entries


def _read_checksums(file: Path) -> dict[str, str]:
    if not file.is_file():
        raise WeightsError(f"{file} is missing, so the weights can't be checked. {REMEDY}")
    pairs = [line.split(maxsplit=1) for line in file.read_text(encoding="utf-8").splitlines()]
    if any(len(pair) != 2 or len(pair[0]) != 64 for pair in pairs):
        raise WeightsError(f"{file} has a line that is not 'sha256  folder/file'. {REMEDY}")
    return {path.strip(): digest for digest, path in pairs}
