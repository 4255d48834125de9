"""Fetch a checkpoint from the Hub, and turn everything that can go wrong into one clear error.

The only module that imports `huggingface_hub`. It fetches configuration, tokenizer and safetensors
files, never pickles or Python code. Taught in :doc:`/book/open-models/hub-models`.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from huggingface_hub import DryRunFileInfo, constants, get_cached_repo_tree, snapshot_download
from huggingface_hub import errors as hub_errors
from huggingface_hub.utils import tqdm

from companion._interface import advice
from companion.errors import HubError
from companion.models.devices import available_disk
from companion.models.snapshot import CONFIG, FILES, NOT_THESE, verify_snapshot

# What the HTTP library raises: httpx with version 1 of the Hub library, httpx2 with version 2.
HTTP_ERROR: type[Exception] = hub_errors.HTTPError


class _NoBar(tqdm):
    """A progress bar that is not shown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"disable": True})


def fetch_snapshot(
    repo_id: str, revision: str, *, check: Callable[[Path], None] | None = None
) -> Path:
    """Download a checkpoint, or find it in the cache.

    Before anything large is fetched, the sizes of the files are compared with the free disk, and
    ``check`` may refuse. A download that breaks off goes on where it stopped, up to five times;
    after that, the next call fetches the files that are missing. On a terminal, a progress bar is
    shown. With a commit hash as revision, a cached model needs no network. The environment
    variables HF_ENDPOINT, HF_HUB_CACHE and HF_TOKEN are read at each call.

    Args:
        repo_id: Hub id, ``owner/name``.
        revision: Commit hash, tag or branch.
        check: Called before a download with a folder that holds only config.json; raises to stop.

    Returns:
        The folder with the files.

    Raises:
        HubError: If there is no network, the repository is gated, private or missing, has no
            safetensors, the disk is too small, or a file arrived damaged.
    """
    try:
        commit = _check_first(repo_id, revision, check)
        folder = Path(_snapshot(repo_id, commit, FILES))
    except hub_errors.HFValidationError as error:
        raise HubError(f"{repo_id!r} is not a Hub id: write owner/name. ({error})") from error
    except (OSError, HTTP_ERROR) as error:
        raise HubError(_explain(repo_id, revision, error)) from error
    verify_snapshot(repo_id, folder, _announced(repo_id, folder))
    return folder


def cache_folder() -> Path:
    """Return the folder that downloads go to: HF_HUB_CACHE, or the Hub library's own choice."""
    return Path(os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE).expanduser()


def is_cached(repo_id: str, revision: str) -> bool:
    """Say whether a checkpoint is complete in the cache. Asks nobody.

    Args:
        repo_id: Hub id, ``owner/name``.
        revision: Commit hash, tag or branch.

    Returns:
        True if `fetch_snapshot` would find configuration and weights without a download.
    """
    try:
        folder = Path(_snapshot(repo_id, revision, FILES, local_files_only=True))
    except OSError:
        return False
    return (folder / CONFIG).is_file() and any(folder.glob("*.safetensors"))


def _snapshot(repo_id: str, revision: str, files: list[str], **settings: bool) -> Any:
    on_terminal = sys.stderr.isatty() and "dry_run" not in settings
    try:
        return snapshot_download(
            repo_id,
            revision=revision,
            allow_patterns=files,
            ignore_patterns=NOT_THESE,
            endpoint=os.environ.get("HF_ENDPOINT"),
            cache_dir=cache_folder(),
            tqdm_class=tqdm if on_terminal else _NoBar,
            **settings,
        )
    except (AttributeError, RuntimeError) as error:
        # Files are fetched in threads that share a connection. When it fails in one of them, the
        # others find it closed, or None.
        raise ConnectionError(f"the connection was lost ({error})") from error


def _check_first(repo_id: str, revision: str, check: Callable[[Path], None] | None) -> str:
    """Refuse what can't work before anything large is fetched; return the commit to fetch."""
    try:
        files = _snapshot(repo_id, revision, FILES, dry_run=True)
    except hub_errors.DryRunError:
        return revision  # no answer: the download finds it in the cache, or says what is wrong
    missing = [file for file in files if file.will_download]
    if missing:
        _check_kind(repo_id, files)
        _check_disk(repo_id, missing)
        config = Path(_snapshot(repo_id, revision, [CONFIG]))
        if check is not None:
            check(config)
    return files[0].commit_hash if files else revision


def _check_kind(repo_id: str, files: Iterable[DryRunFileInfo]) -> None:
    names = {file.filename for file in files}
    if CONFIG not in names or not any(name.endswith(".safetensors") for name in names):
        lacks = CONFIG if CONFIG not in names else "safetensors file"
        raise HubError(
            f"{repo_id} has no {lacks}, so nothing was downloaded. Pickled weights (.bin, .pt) are "
            "not loaded: they can run code. GGUF files and adapters are no checkpoints of their "
            "own. Look for the same model with safetensors, often at its publisher's."
        )


def _check_disk(repo_id: str, missing: Iterable[DryRunFileInfo]) -> None:
    needed, free = sum(file.file_size for file in missing), available_disk(cache_folder())
    if needed > free:
        raise HubError(
            f"{repo_id} is a download of {needed / 1e9:.2f} GB, but the disk of the cache, "
            f"{cache_folder()}, has {free / 1e9:.2f} GB free. Free some space, or set "
            "HF_HUB_CACHE to a folder on another disk."
        )


def _announced(repo_id: str, folder: Path) -> dict[str, str] | None:
    """Read git's hash of each file from the list in the cache; None if there is no list."""
    try:
        tree = get_cached_repo_tree(repo_id, revision=folder.name, cache_dir=cache_folder())
    except hub_errors.CachedRepoTreeNotFoundError:
        return None
    return {file.path: file.blob_id for file in tree}


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
        return f"{repo_id} has no revision {revision!r}. Pass 'main' or a commit hash."
    status = getattr(getattr(error, "response", None), "status_code", None)
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    reason = re.sub(r"\[Errno -?\d+\] ", "", reason)
    if isinstance(error, hub_errors.RepositoryNotFoundError) or status == 401:
        return (
            f"the Hub has no model {repo_id!r}, or it is private. Check the spelling; for a "
            "private model log in with `hf auth login`, or set HF_TOKEN."
        )
    if status is not None:
        return (
            f"the Hub refused {repo_id} (status {status}): {reason}. Run the same call again "
            "later; files that have arrived are kept."
        )
    if "onsistency" in str(error) or type(error).__name__ == "RemoteProtocolError":
        return f"{repo_id} did not arrive completely ({reason}). Run the same call again."
    return (
        f"can't reach the Hub for {repo_id}: {reason}. Check the network, or use "
        f"the bundled models, which need none{advice(': {source}', source='pocket')}."
    )
