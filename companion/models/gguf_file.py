"""A GGUF file made into a checkpoint folder, once.

GGUF is the format of llama.cpp: weights, tokenizer and settings in one file, the weights mostly
quantized. `transformers` reads it by restoring every weight to 32 bits, which takes a minute for a
small model. So the result is kept as an ordinary ``save_pretrained`` folder, which loads in a
second and which everything else here understands.

What was rounded when the file was made stays rounded: a checkpoint made of a 4-bit file has the
errors of 4 bits, whatever format it is kept in. Taught in :doc:`/book/open-models/formats`.
"""

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

from companion._extras import require
from companion._files import user_cache
from companion.errors import WeightsError
from companion.models.checkpoint import sha256
from companion.models.devices import available_disk, available_memory, check_memory

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

Adjust = Callable[["PreTrainedTokenizerBase", "PretrainedConfig"], None]
"""Puts right what a file says wrongly or not at all. Changes both in place."""

RECORD = "converted.json"
"""Beside the weights: which file they were made of, and the sha256 of each file made."""

_MAGIC = b"GGUF"
_PEAK = 2.5  # bytes in memory at the worst moment, for each byte of the restored weights


def converted(file: Path) -> Path:
    """Return the checkpoint folder made of a GGUF file, in the user's cache; make it if need be.

    The folder belongs to the content of the file: the file may be moved, but not changed.

    Raises:
        WeightsError: If the file can't be converted, or what was made of it is damaged.
        NotEnoughMemoryError: If the restored weights don't fit into the free memory.
        MissingExtraError: If the extra ``open`` is not installed.
    """
    digest = sha256(file)
    target = user_cache("models") / f"{file.stem[:40]}-{digest[:16]}"
    make_once(target, lambda made: convert(file, made, source=digest))
    check_converted(target, f"Delete {target} and load {file.name} again.")
    return target


def make_once(target: Path, make: Callable[[Path], None]) -> None:
    """Make a folder, unless it exists. It appears whole or not at all.

    Of two processes that want the same folder, one works and the other waits for it.

    Args:
        target: The folder.
        make: Fills an empty folder that it is given. If it fails or is stopped, nothing is left.

    Raises:
        WeightsError: If nothing can be written there.
    """
    if target.is_dir():
        return
    import filelock

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            filelock.FileLock(target.with_name(f".{target.name}.lock")),
            tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent) as name,
        ):
            if not target.is_dir():
                made = Path(name, "made")
                made.mkdir()
                make(made)
                made.rename(target)
    except OSError as error:
        raise WeightsError(
            f"{target} can't be made ({error.strerror or error}). Let COMPANION_CACHE name another "
            "folder."
        ) from error


def convert(file: Path, folder: Path, *, source: str, adjust: Adjust | None = None) -> None:
    """Write a checkpoint folder with what a GGUF file holds.

    Weights are kept in float16, or in bfloat16 or float32 where the file has those. Both are read
    back exactly.

    Args:
        file: The GGUF file.
        folder: An empty folder.
        source: sha256 of the file, for the record.
        adjust: Is called before anything is written.

    Raises:
        WeightsError: If the file is damaged, holds an architecture that transformers does not read
            from GGUF, or has no tokenizer.
        NotEnoughMemoryError: If the restored weights don't fit into the free memory.
        MissingExtraError: If the package gguf is not installed.
    """
    dtype, numbers = _inspect(file)
    needed = int(_PEAK * 4 * numbers)
    check_memory(f"converting {file.name}", needed, available_memory("cpu"), torch.device("cpu"))
    if (free := available_disk(folder)) < numbers * dtype.itemsize:
        raise WeightsError(
            f"{file.name} becomes a folder of {numbers * dtype.itemsize / 1e9:.2f} GB, and the "
            f"disk of {folder} has {free / 1e9:.2f} GB free. Free some space, or let "
            "COMPANION_CACHE name a folder on another disk."
        )
    place = {"gguf_file": file.name, "local_files_only": True, "trust_remote_code": False}
    try:
        with _bars():
            tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, **place)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                file.parent, dtype=torch.float32, **place
            )
    except Exception as error:  # tokenizers raises Exception itself where a vocabulary is wrong
        raise WeightsError(
            f"transformers can't read {file}: {error!s:.300}. llama.cpp may: serve it with "
            "llama-server and run `companion chat --endpoint URL`."
        ) from error
    tokenizer.model_max_length = model.config.max_position_embeddings
    if adjust is not None:
        adjust(tokenizer, model.config)
    tokenizer.save_pretrained(folder)
    with _bars():
        _plain(model).to(dtype).save_pretrained(folder)
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    record = {"source": source, "files": files}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def check_converted(folder: Path, remedy: str) -> None:
    """Compare every file of a converted checkpoint with the record made at its conversion.

    Raises:
        WeightsError: If one is missing or altered. It ends with ``remedy``.
    """
    try:
        files = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        expected = [(folder / name, digest) for name, digest in files.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{folder / RECORD} is missing or damaged ({error!s:.100}). {remedy}"
        ) from error
    for file, digest in expected:
        if not file.is_file() or sha256(file) != digest:
            state = "damaged" if file.is_file() else "missing"
            raise WeightsError(f"{file} is {state}. {remedy}")


@contextlib.contextmanager
def _bars() -> Iterator[None]:
    """Let `transformers` show its progress bars on a terminal, and nowhere else."""
    with contextlib.ExitStack() as stack:
        if not sys.stderr.isatty():
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        yield


def _inspect(file: Path) -> tuple[torch.dtype, int]:
    """Return the dtype to keep the weights in, and how many numbers there are."""
    try:
        with file.open("rb") as stream:
            magic = stream.read(len(_MAGIC))
    except OSError as error:
        raise WeightsError(f"{file} can't be read: {error}") from error
    if magic != _MAGIC:
        raise WeightsError(f"{file} is not a GGUF file: it does not begin with {_MAGIC.decode()}.")
    gguf = require("gguf", extra="open")
    try:
        tensors = gguf.GGUFReader(file).tensors
    except Exception as error:  # the reader may fail in any way
        raise WeightsError(
            f"{file} is damaged or not complete ({type(error).__name__}: {error!s:.100})."
        ) from error
    if not tensors:
        raise WeightsError(f"{file} holds no weights.")
    last = max(int(tensor.data_offset) + int(tensor.n_bytes) for tensor in tensors)
    if last > file.stat().st_size:
        raise WeightsError(f"{file} is not complete: it should have {last:,} bytes or more.")
    types = gguf.GGMLQuantizationType
    matrices = {tensor.tensor_type for tensor in tensors if len(tensor.shape) > 1}
    dtype = torch.float16
    if types.BF16 in matrices:
        dtype = torch.bfloat16
    elif types.F32 in matrices:
        dtype = torch.float32
    return dtype, sum(int(tensor.n_elements) for tensor in tensors)


def _plain(model: "PreTrainedModel") -> "PreTrainedModel":
    """Return the model without the traces of where it was read from, the same tensors in it."""
    config = model.config
    with contextlib.suppress(AttributeError):
        del config.quantization_config
    with torch.device("meta"):
        plain: Any = type(model)(config)
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = transformers.GenerationConfig(
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
    )
    return plain
