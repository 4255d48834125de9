"""The files of a model in the Hub's cache: which ones are loaded, and are they as published?

The Hub announces a hash for each file, git's. The cache keeps it twice: in the list of the
repository's files, and in the name that a file is stored under, where the disk has symbolic links.
Windows has none without developer mode.
"""

import hashlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from companion.errors import HubError
from companion.models.checkpoint import sha256

FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
NOT_THESE = ["*/*", "consolidated*"]  # sub-folders (onnx, original) and second copies of weights
CONFIG = "config.json"
_LFS = "https://git-lfs.github.com/spec/v1"


def verify_snapshot(repo_id: str, folder: Path, announced: dict[str, str] | None) -> None:
    """Compare the files of a model with the hashes that the Hub announced.

    Args:
        repo_id: Hub id, ``owner/name``.
        folder: The files of one commit.
        announced: Git's hash of each file of that commit; None if the cache has no list of them.

    Raises:
        HubError: If a file is damaged, is none of the repository's, or has no known hash.
    """
    for file in sorted(folder.iterdir()):
        if file.is_file() and any(fnmatch(file.name, pattern) for pattern in FILES):
            _verify(repo_id, file, announced)


def _verify(repo_id: str, file: Path, announced: dict[str, str] | None) -> None:
    if announced is not None and file.name not in announced:
        raise HubError(
            f"{file} is no file of {repo_id} at this commit: something else put it there. Delete "
            "it and run the same call again."
        )
    expected = announced[file.name] if announced is not None else _stored_name(file)
    if expected is None:
        raise HubError(
            f"{file.name} of {repo_id} can't be checked: the cache has no hash for it. Run the "
            "same call again with a network connection, so that the hash can be fetched."
        )
    if expected not in _hashes(file):
        raise HubError(
            f"{file.name} of {repo_id} is damaged: its hash is not the one that the Hub "
            f"announces. Delete {file.resolve()} and run the same call again."
        )


def _stored_name(file: Path) -> str | None:
    """Return the name that the cache stores a file under: sha256 of large files, git's of others.

    Only the first link counts. It may lead to another, into a store that is shared by several
    models and names files by a hash of another kind.
    """
    return file.readlink().name if file.is_symlink() else None


def _hashes(file: Path) -> Iterator[str]:
    """Yield the hashes that a file can be announced by, those of large files first."""
    digest = sha256(file)
    yield digest
    # Git LFS keeps a pointer in the place of a large file, and git's hash is that of the pointer.
    pointer = f"version {_LFS}\noid sha256:{digest}\nsize {file.stat().st_size}\n"
    yield _git_oid(pointer.encode("ascii"))
    yield _git_oid(file.read_bytes())


def _git_oid(data: bytes) -> str:
    r"""Return the hash that git gives a file.

    >>> _git_oid(b"hello\n")
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
