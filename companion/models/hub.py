"""Fetch a checkpoint from the Hub, and turn everything that can go wrong into one clear error.

The only module that imports `huggingface_hub`. It fetches configuration, tokenizer and safetensors
files, never pickles or Python code.
"""

import json
import os
import shutil
import string
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import httpx
from huggingface_hub import (
    HfApi,
    constants,
    hf_hub_download,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub import errors as hub_errors
from huggingface_hub.utils import filter_repo_objects

from companion.errors import HubError
from companion.models.checkpoint import sha256

FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
NOT_THESE = ["*/*", "consolidated*"]  # sub-folders (onnx, original) and second copies of weights


BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1}


class Announced(NamedTuple):
    """What a repository holds, as its listing and its config say."""

    download_bytes: int
    """Bytes of the files that are not in the cache yet."""
    parameters: int
    """Numbers in the weight files. A tied output layer that is stored twice counts twice."""


def fetch_snapshot(
    repo_id: str, revision: str, *, check: Callable[[Announced], None] | None = None
) -> Path:
    """Download a checkpoint, or find it in the cache.

    Before anything large is fetched, the sizes of the files are compared with the free disk, and
    ``check`` may refuse. A download that breaks off goes on where it stopped, up to five times;
    after that, the next call fetches the files that are missing. With a commit hash as
    revision, a cached model needs no network. The environment variables HF_ENDPOINT,
    HF_HUB_CACHE and HF_TOKEN are read at each call.

    Args:
        repo_id: Hub id, ``owner/name``.
        revision: Commit hash, tag or branch.
        check: Called with what the repository holds; raises to stop the download.

    Returns:
        The folder with the files.

    Raises:
        HubError: If there is no network, the repository is gated, private or missing, the disk is
            too small, or a file arrived damaged.
    """
    try:
        _check_first(repo_id, revision, check)
        folder = snapshot_download(
            repo_id,
            revision=revision,
            allow_patterns=FILES,
            ignore_patterns=NOT_THESE,
            endpoint=os.environ.get("HF_ENDPOINT"),
            cache_dir=os.environ.get("HF_HUB_CACHE"),
        )
    except hub_errors.HFValidationError as error:
        raise HubError(f"{repo_id!r} is not a Hub id: write owner/name. ({error})") from error
    except (OSError, httpx.HTTPError) as error:
        raise HubError(_explain(repo_id, revision, error)) from error
    _verify_blobs(repo_id, Path(folder))
    return Path(folder)


def _check_first(repo_id: str, revision: str, check: Callable[[Announced], None] | None) -> None:
    """Compare what would be fetched with the free disk, and let ``check`` look at it."""
    try:
        announced = announce(repo_id, revision)
    except (OSError, httpx.HTTPError):
        return  # no Hub: it may be in the cache, and if not, the download says what is wrong
    cache = Path(os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE).expanduser()
    existing = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    if announced.download_bytes > free:
        raise HubError(
            f"{repo_id} is a download of {announced.download_bytes / 1e9:.2f} GB, but the disk of "
            f"the cache, {cache}, has {free / 1e9:.2f} GB free. Free some space, or set "
            "HF_HUB_CACHE to a folder on another disk."
        )
    if check is not None:
        check(announced)


def announce(repo_id: str, revision: str) -> Announced:
    """Ask the Hub how large a checkpoint is. Of its files, only config.json is fetched.

    Args:
        repo_id: Hub id, ``owner/name``.
        revision: Commit hash, tag or branch.

    Returns:
        Bytes to download and parameters.

    Raises:
        OSError: If the Hub can't be reached or refuses; so does `httpx.HTTPError`.
    """
    endpoint, cache = os.environ.get("HF_ENDPOINT"), os.environ.get("HF_HUB_CACHE")
    listing = HfApi(endpoint=endpoint).model_info(repo_id, revision=revision, files_metadata=True)
    files = list(
        filter_repo_objects(
            listing.siblings or [],
            allow_patterns=FILES,
            ignore_patterns=NOT_THESE,
            key=lambda file: file.rfilename,
        )
    )
    to_fetch = [
        file
        for file in files
        if not isinstance(
            try_to_load_from_cache(repo_id, file.rfilename, cache_dir=cache, revision=listing.sha),
            str,
        )
    ]
    weights = sum(file.size or 0 for file in files if file.rfilename.endswith(".safetensors"))
    config = {}
    if any(file.rfilename == "config.json" for file in files):
        path = hf_hub_download(
            repo_id, "config.json", revision=revision, endpoint=endpoint, cache_dir=cache
        )
        config = json.loads(Path(path).read_text(encoding="utf-8"))
    dtype = config.get("dtype") or config.get("torch_dtype") or "float32"
    return Announced(sum(file.size or 0 for file in to_fetch), weights // BYTES.get(dtype, 2))


def _explain(repo_id: str, revision: str, error: BaseException) -> str:
    """Say what happened and what to do about it."""
    if isinstance(error, hub_errors.LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__  # "not in the cache either" hides why the Hub did not answer
    if isinstance(error, hub_errors.GatedRepoError):
        return (
            f"{repo_id} is gated: its owner wants you to accept the license first. Do so on the "
            "model's page on the Hub while logged in, then log in here with `hf auth login`, or "
            "set HF_TOKEN."
        )
    if isinstance(error, hub_errors.RevisionNotFoundError):
        return f"{repo_id} has no revision {revision!r}. Pass revision='main' or a commit hash."
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, hub_errors.RepositoryNotFoundError) or status == 401:
        return (
            f"the Hub has no model {repo_id!r}, or it is private. Check the spelling; for a "
            "private model log in with `hf auth login`, or set HF_TOKEN."
        )
    if status is not None:
        return f"the Hub refused {repo_id} (status {status}): {error}"
    if "onsistency" in str(error) or isinstance(error, httpx.RemoteProtocolError):
        return f"{repo_id} did not arrive completely ({error}). Run the same call again."
    return (
        f"can't reach the Hub for {repo_id}: {str(error).rstrip('.')}. Check the network, or use "
        "the bundled models, which need none: source='pocket'."
    )


def _verify_blobs(repo_id: str, folder: Path) -> None:
    """Compare large files with their sha256, which is the name the cache stores them under."""
    for file in folder.glob("*.safetensors"):
        blob = file.resolve()
        is_digest = len(blob.name) == 64 and set(blob.name) <= set(string.hexdigits)
        if is_digest and sha256(blob) != blob.name:
            raise HubError(
                f"{file.name} of {repo_id} is damaged: its sha256 is not the one that the Hub "
                f"announces. Delete {blob} and run the same call again."
            )
