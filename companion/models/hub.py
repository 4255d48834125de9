"""Fetch a checkpoint from the Hub, and turn everything that can go wrong into one clear error.

The only module that imports `huggingface_hub`. It fetches configuration, tokenizer and safetensors
files, never pickles or Python code.
"""

import os
import string
from pathlib import Path

import httpx
from huggingface_hub import errors as hub_errors
from huggingface_hub import snapshot_download

from companion.errors import HubError
from companion.models.checkpoint import sha256

FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
NOT_THESE = ["*/*", "consolidated*"]  # sub-folders (onnx, original) and second copies of weights


def fetch_snapshot(repo_id: str, revision: str) -> Path:
    """Download a checkpoint, or find it in the cache.

    With a commit hash as revision, a cached model needs no network. The environment variables
    HF_ENDPOINT, HF_HUB_CACHE and HF_TOKEN are read at each call.

    Args:
        repo_id: Hub id, ``owner/name``.
        revision: Commit hash, tag or branch.

    Returns:
        The folder with the files.

    Raises:
        HubError: If there is no network, the repository is gated, private or missing, has no
            safetensors, or a file arrived damaged.
    """
    try:
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
