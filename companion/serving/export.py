"""``companion export``: a model as a file or folder for other engines.

Taught in :doc:`/book/open-models/serving`.
"""

import os
import secrets
import shlex
import shutil
import sys
from pathlib import Path

import torch

from companion._files import in_words
from companion.models import load
from companion.models.gguf_export import export_gguf
from companion.models.loading import no_progress_bar


def export_file(model: str, file: Path, *, dtype: str = "float16", force: bool = False) -> str:
    """Write a model as a GGUF file.

    Args:
        model: Role, folder or Hub id.
        file: The file.
        dtype: Of the matrices, ``"float16"`` or ``"float32"``.
        force: Whether a file that is there is replaced.

    Returns:
        What was written, and what to do with it.

    Raises:
        FileExistsError: If it is there.
        ValueError: If no file can be made of this model, or a folder is there.
        OSError: If it can't be written, such as on a full disk.
    """
    if file.is_dir():
        raise ValueError(f"{file} is a folder: name a file, such as {file / 'model.gguf'}")
    if file.exists() and not force:
        raise FileExistsError(f"{file} is there already: choose another name, or give --force")
    _check_parent(file)
    loaded = load(model)
    with in_words(file):
        export_gguf(*loaded, file, dtype=getattr(torch, dtype))
    context = loaded.model.config.max_position_embeddings
    size = file.stat().st_size / 1e6
    return f"{file}: {size:.1f} MB. llama-server -m {file} -c {context}"


def export_folder(model: str, folder: Path, *, dtype: str = "float16") -> str:
    """Write a model as a folder that transformers and vLLM load.

    Args:
        model: Role, folder, GGUF file or Hub id.
        folder: The folder, which must not be there.
        dtype: Of the weights.

    Returns:
        What was written, and what to do with it.

    Raises:
        FileExistsError: If it is there.
        OSError: If it can't be written, such as on a full disk.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: choose another name")
    _check_parent(folder)
    loaded = load(model)
    new = folder.with_name(f".{folder.name[:40]}-{secrets.token_hex(8)}.tmp")
    try:
        with in_words(folder), no_progress_bar():
            loaded.model.to(getattr(torch, dtype)).save_pretrained(new)
            loaded.tokenizer.save_pretrained(new)
            os.rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    if not loaded.model.can_generate():
        return f"{folder}: {size:.1f} MB. It gives scores and writes no text"
    place = shlex.quote(str(folder) if folder.is_absolute() else f"./{folder}")  # no Hub id
    return f"{folder}: {size:.1f} MB. vllm serve {place}, or transformers serve {place}"


def start(
    model: str, gguf: Path | None, folder: Path | None, *, dtype: str, force: bool = False
) -> int:
    """Run ``companion export``.

    Returns:
        Exit status, 0 for success.
    """
    said = (
        export_folder(model, folder, dtype=dtype)
        if gguf is None
        else export_file(model, gguf, dtype=dtype, force=force)
    )
    sys.stdout.write(f"{said}\n")
    return 0


def _check_parent(path: Path) -> None:
    """Say that a folder is missing before a model is loaded."""
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}: make it first")
