"""A folder of files under a manifest: saved as a whole or not at all, checked before it is read.

The manifest lists every file with its size and sha256. Files are named after their content, so a
new version lies beside the old one until the manifest is replaced, which the file system does at
once. A program that dies in between leaves the old version.

The checksums find damage and mix-ups. They do not stop somebody who can write to the folder, and
could write a new manifest as well: for that, keep the digest that `write_store` returns in a safe
place and hand it to `read_store`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from companion._files import write_whole
from companion.errors import IndexFileError

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 100_000
FILE_NAME = re.compile(r"[a-z]+-[0-9a-f]{16}\.[a-z]+")


def write_store(folder: str | Path, header: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    """Save files and a header. One program at a time may write to a folder.

    Args:
        folder: Where to; made if it does not exist.
        header: What to write into the manifest, as JSON. ``format`` and ``version`` name the kind.
        files: Content by name, such as ``{"vectors.faiss": b"..."}``.

    Returns:
        The sha256 of the manifest.

    Raises:
        OSError: If the folder can't be written. The version before it is left as it was.
    """
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()
        stem, suffix = name.split(".")
        stored = f"{stem}-{digest[:16]}.{suffix}"
        write_whole(folder / stored, data)
        entries[name] = {"file": stored, "bytes": len(data), "sha256": digest}
    manifest = json.dumps({**header, "files": entries}, indent=1).encode()
    write_whole(folder / MANIFEST, manifest)
    current = {entry["file"] for entry in entries.values()}
    for file in folder.iterdir():
        if FILE_NAME.fullmatch(file.name) and file.name not in current:
            file.unlink()
    return hashlib.sha256(manifest).hexdigest()


def read_store(
    folder: str | Path, *, kind: str, version: int, digest: str | None = None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read what `write_store` wrote, after checking it.

    Args:
        folder: Where it is.
        kind: The ``format`` that the header must name.
        version: The ``version`` that it must have.
        digest: What `write_store` returned, to be sure that it is this very version.

    Returns:
        Header and files.

    Raises:
        IndexFileError: If something is missing, damaged, or of another kind or version.
    """
    folder = Path(folder).expanduser()
    data = _read(folder / MANIFEST, MAX_MANIFEST_BYTES)
    if digest is not None and hashlib.sha256(data).hexdigest() != digest:
        raise IndexFileError(f"{folder} is not the version with the digest {digest}")
    header = _parse(data, folder / MANIFEST)
    if header.get("format") != kind:
        raise IndexFileError(f"{folder} holds {header.get('format')!r:.80}, not {kind!r}")
    if header.get("version") != version:
        raise IndexFileError(
            f"{folder} was written in version {header.get('version')!r:.80} of the format, this "
            f"package reads version {version}. Build it again."
        )
    return header, _read_files(folder, header.get("files"))


def _read_files(folder: Path, entries: Any) -> dict[str, bytes]:
    if not isinstance(entries, dict):
        raise IndexFileError(f"{folder / MANIFEST} lists no files")
    files = {}
    for name, entry in entries.items():
        try:
            stored, size, digest = entry["file"], entry["bytes"], entry["sha256"]
            sound = FILE_NAME.fullmatch(stored) and type(size) is int and len(digest) == 64
        except (TypeError, KeyError):
            sound = False
        if not sound:
            raise IndexFileError(f"{folder / MANIFEST} has an entry that can't be: {entry!r:.80}")
        data = _read(folder / stored, size)
        if len(data) != size:
            raise IndexFileError(
                f"{folder / stored} is truncated: it has {len(data):,} bytes of {size:,}"
            )
        if hashlib.sha256(data).hexdigest() != digest:
            raise IndexFileError(
                f"{folder / stored} is damaged or was changed: its sha256 is not the one in "
                f"{MANIFEST}"
            )
        files[name] = data
    return files


def _read(file: Path, limit: int) -> bytes:
    if not file.is_file():
        raise IndexFileError(
            f"{file} is missing: {file.parent} is no saved index, or not all of it"
        )
    try:
        with file.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise IndexFileError(f"{file} can't be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise IndexFileError(f"{file} has more than the {limit:,} bytes that it should have")
    return data


def _parse(data: bytes, file: Path) -> dict[str, Any]:
    try:
        header = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IndexFileError(f"{file} is not JSON: {error!s:.100}") from error
    if not isinstance(header, dict):
        raise IndexFileError(f"{file} is not a JSON object")
    return header
