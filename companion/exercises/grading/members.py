"""The files of a submission: of a folder, of a zip archive, or one by one.

Links are not followed. What a tool has put there is left out: hidden files, virtual environments,
``__pycache__``, ``__MACOSX``. An archive is read as data; nothing is unpacked before it is known
that the name stays inside and how large the file is.
"""

import contextlib
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

LARGEST_NOTEBOOK = 100 * 2**20  # bytes; most of a large notebook is pictures
LARGEST_COPY = 20 * 2**20  # bytes of all files that the sandbox sees
_MOST_FILES = 2_000
_LARGEST_ARCHIVE = 200 * 2**20  # bytes, unpacked
Parts = Sequence[tuple[str, Path]]  # name inside the submission, and place
_LEFT_OUT = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv"}


@dataclass(frozen=True)
class Member:
    """One file.

    Args:
        name: Its path inside the submission, with slashes.
        size: Its size in bytes, as far as it is known before reading.
        read: Returns its content; raises `OSError` or `ValueError` if that can't be had.
    """

    name: str
    size: int
    read: Callable[[], bytes]


@dataclass
class Files:
    """The files of a submission, and what is to be said about those that are left out."""

    members: list[Member] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_files(parts: Parts) -> Files:
    """Return the files of a submission, by name.

    Args:
        parts: Name inside the submission and place of each folder, archive or file. A folder's
            and an archive's files stand at the top, whatever its name.

    Raises:
        ValueError: If an archive can't be opened, or is too large.
        OSError: If a folder or file can't be read.
    """
    files = Files()
    for name, path in parts:
        if path.is_symlink():
            raise ValueError("this is a link; hand in the file itself")
        if path.is_dir():
            files.members += _in_folder(path, files.notes)
        elif not path.is_file():
            raise ValueError("neither a file nor a folder")
        elif name.lower().endswith(".zip"):
            files.members += _in_archive(path, files.notes)
        else:
            files.members.append(_member(name, path))
    if not any(_is_code(member.name) for member in files.members):  # handed in as an archive
        for member in [one for one in files.members if one.name.lower().endswith(".zip")]:
            path = next((path for name, path in parts if path.is_dir()), Path()) / member.name
            if path.is_file():
                files.members += _in_archive(path, files.notes)
    files.members.sort(key=lambda member: member.name)
    return files


def _is_code(name: str) -> bool:
    return name.lower().endswith((".ipynb", ".py"))


def _member(name: str, path: Path) -> Member:
    def read() -> bytes:
        with path.open("rb") as file:
            data = file.read(LARGEST_NOTEBOOK + 1)
        return _within_limit(data)

    return Member(name, path.stat().st_size, read)


def _within_limit(data: bytes) -> bytes:
    if len(data) > LARGEST_NOTEBOOK:
        raise ValueError(f"larger than {LARGEST_NOTEBOOK // 2**20} MiB")
    return data


def _in_folder(folder: Path, notes: list[str]) -> Iterator[Member]:
    """Yield the plain files below a folder."""
    count = 0

    def failed(error: OSError) -> None:
        name = os.path.relpath(error.filename or folder, folder)
        notes.append(f"folder {name}: can't be read ({error.strerror})")

    for place, folders, names in os.walk(folder, onerror=failed):
        inside = [name for name in folders if not _skipped(name)]
        folders[:] = sorted(
            name for name in inside if not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))
        )
        for name in sorted(names):
            path = Path(place, name)
            if _skipped(name) or not stat.S_ISREG(path.lstat().st_mode):
                continue
            count += 1
            if count > _MOST_FILES:
                notes.append(f"more than {_MOST_FILES} files: the rest is left out")
                return
            yield _member(path.relative_to(folder).as_posix(), path)


def _skipped(name: str) -> bool:
    return name.startswith(".") or name in _LEFT_OUT


def _in_archive(path: Path, notes: list[str]) -> Iterator[Member]:
    """Yield the files of a zip archive whose names stay inside."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged .zip archive ({error})") from None
    if len(infos) > _MOST_FILES:
        raise ValueError(f"a .zip archive with {len(infos)} files; at most {_MOST_FILES}")
    if sum(info.file_size for info in infos) > _LARGEST_ARCHIVE:
        raise ValueError(f"a .zip archive of more than {_LARGEST_ARCHIVE // 2**20} MiB, unpacked")
    for info in infos:
        name = _archived_name(info)
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\0" in name or ":" in name:
            notes.append(f"{name[:100]}: left out, its name leads outside of the archive")
        elif stat.S_ISLNK(info.external_attr >> 16) or any(map(_skipped, place.parts)):
            continue
        elif info.flag_bits & 1:
            raise ValueError("a .zip archive with a password")
        else:
            yield _archived(path, name, info)


def _archived_name(info: zipfile.ZipInfo) -> str:
    """Return a name; old programs write UTF-8 or a code page of Windows and do not say which."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _archived(path: Path, name: str, info: zipfile.ZipInfo) -> Member:
    def read() -> bytes:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(info) as file:
                return _within_limit(file.read(LARGEST_NOTEBOOK + 1))  # it may lie about its size
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            RuntimeError,
            EOFError,
            zlib.error,
        ) as error:
            raise ValueError(f"can't be unpacked ({error})") from None

    return Member(name, info.file_size, read)


def seen_inside(files: Files) -> list[Member]:
    """Return the files that the sandbox gets to see: all but notebooks, as many as fit.

    Those that are too large are named in ``files.notes``; smaller ones behind them are kept.
    """
    kept, left = [], LARGEST_COPY
    for member in files.members:
        if member.name.lower().endswith(".ipynb"):
            continue
        if member.size > left:
            files.notes.append(
                f"{member.name} is left out: with its {member.size / 2**20:.0f} MiB it exceeds "
                f"the {LARGEST_COPY // 2**20} MiB that all files may have"
            )
        else:
            left -= member.size
            kept.append(member)
    return kept


def copy_files(parts: Parts, target: Path) -> None:
    """Write the files that the sandbox gets to see into a folder.

    What can't be read or written is left out: the reader of the submission has said so.
    """
    try:
        members = seen_inside(find_files(parts))
    except (OSError, ValueError):
        return
    for member in members:
        try:
            data = member.read()
            copy = target / member.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if len(data) <= member.size:
                copy.write_bytes(data)
                copy.chmod(0o644)
        except (OSError, ValueError):
            continue
