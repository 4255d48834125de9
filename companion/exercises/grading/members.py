"""The files of a submission: of a folder, of a zip archive, or one by one.

Links are not followed. What a tool has put there is left out: hidden files, virtual environments,
``__pycache__``, ``__MACOSX``. An archive is read as data; nothing is unpacked before it is known
that the name stays inside and how large the file is.
"""

import contextlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from companion.exercises.grading.cells import kind

LARGEST_NOTEBOOK = 100 * 2**20  # bytes; most of a large notebook is pictures
LARGEST_COPY = 20 * 2**20  # bytes of all files that the sandbox sees
_MOST_FILES = 2_000
_LARGEST_INNER = 20 * 2**20  # bytes of all archives in an archive: they are held in memory
Parts = Sequence[tuple[str, Path]]  # name inside the submission, and place
_LEFT_OUT = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv"}


@dataclass(frozen=True)
class Member:
    """One file.

    Args:
        name: Its path inside the submission, with slashes.
        size: Its size in bytes, as far as it is known before reading.
        read: Returns its content; raises `OSError` or `ValueError` if that can't be had.
        place: Where it lies, unless that is in an archive.
    """

    name: str
    size: int
    read: Callable[[], bytes]
    place: Path | None = None


@dataclass
class Files:
    """The files of a submission, and what is to be said about those that are left out.

    Args:
        members: The files.
        folders: Paths of the folders inside the submission, empty ones included.
        notes: What is to be said.
    """

    members: list[Member] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def find_files(parts: Parts) -> Files:
    """Return the files of a submission, by name.

    Where there is no code, archives are opened, and archives in these.

    Args:
        parts: Name inside the submission and place of each folder, archive or file. A folder's
            and the files of an archive are at the top, whatever its name.

    Raises:
        ValueError: If an archive can't be opened, or is too large.
        OSError: If a folder or file can't be read.
    """
    files = Files()
    for name, path in parts:
        if path.is_symlink():
            raise ValueError("this is a link; hand in the file itself")
        if path.is_dir():
            files.members += _in_folder(path, files)
        elif not path.is_file():
            raise ValueError("neither a file nor a folder")
        elif is_archive(name):
            files.members += _in_archive(path, files)
        else:
            files.members.append(_member(name, path))
    fresh = files.members[:]
    for _ in range(2):
        if not any(_is_code(member.name) for member in files.members):
            fresh = _open_archives(fresh, files)
            files.members += fresh
    files.members.sort(key=lambda member: member.name)
    return files


def _open_archives(members: Sequence[Member], files: Files) -> list[Member]:
    """Return the files of those members that are archives."""
    unpacked: list[Member] = []
    left = _LARGEST_INNER
    for member in [archive for archive in members if is_archive(archive.name)]:
        try:
            if member.place is None:
                left -= member.size
                if left < 0:
                    raise ValueError(f"archives of more than {_LARGEST_INNER // 2**20} MiB in one")
            unpacked += _in_archive(member.place or io.BytesIO(member.read()), files)
        except (OSError, ValueError) as error:
            files.notes.append(f"{member.name} is not opened: {error}")
    return unpacked


def is_archive(name: str) -> bool:
    """Say if a name is that of a zip archive."""
    return name.lower().endswith(".zip")


def _is_code(name: str) -> bool:
    return kind(name) != ""


def _member(name: str, path: Path) -> Member:
    def read() -> bytes:
        with path.open("rb") as file:
            data = file.read(LARGEST_NOTEBOOK + 1)
        return _within_limit(data)

    return Member(name, path.stat().st_size, read, path)


def _within_limit(data: bytes) -> bytes:
    if len(data) > LARGEST_NOTEBOOK:
        raise ValueError(f"larger than {LARGEST_NOTEBOOK // 2**20} MiB")
    return data


def _in_folder(folder: Path, files: Files) -> Iterator[Member]:
    """Yield the plain files below a folder."""
    wanted = _Count(files)

    def failed(error: OSError) -> None:
        name = os.path.relpath(error.filename or folder, folder)
        files.notes.append(f"folder {name}: can't be read ({error.strerror})")

    for place, folders, names in os.walk(folder, onerror=failed):
        inside = [name for name in folders if not _skipped(name)]
        folders[:] = sorted(
            name for name in inside if not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))
        )
        if place != str(folder) and len(files.folders) < _MOST_FILES:
            files.folders.add(Path(place).relative_to(folder).as_posix())
        for name in sorted(names):
            path = Path(place, name)
            plain = not _skipped(name) and stat.S_ISREG(path.lstat().st_mode)
            if plain and wanted.takes(name):
                yield _member(path.relative_to(folder).as_posix(), path)


class _Count:
    """Counts files. Too much data hides no code: notebooks and scripts are counted apart."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._left = {True: _MOST_FILES, False: _MOST_FILES}

    def takes(self, name: str) -> bool:
        """Tell whether a file still counts; the first one that does not is told."""
        code = _is_code(name)
        self._left[code] -= 1
        if self._left[code] == -1:
            what = "notebooks and scripts" if code else "other files"
            self._files.notes.append(f"more than {_MOST_FILES} {what}: the rest is left out")
        return self._left[code] >= 0


def _skipped(name: str) -> bool:
    return name.startswith(".") or name in _LEFT_OUT


def _in_archive(source: Path | io.BytesIO, files: Files) -> Iterator[Member]:
    """Yield the files of a zip archive whose names stay inside."""
    try:
        with zipfile.ZipFile(source) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged .zip archive ({error})") from None
    names = [archived_name(info) for info in infos]
    environments = {PurePosixPath(n).parent for n in names if n.endswith("/pyvenv.cfg")}
    wanted = _Count(files)
    for name, info in zip(names, infos, strict=True):
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\0" in name:
            files.notes.append(f"{name[:100]}: left out, its name leads outside of the archive")
            continue
        link = stat.S_ISLNK(info.external_attr >> 16)
        if link or any(map(_skipped, place.parts)) or not environments.isdisjoint(place.parents):
            continue
        folder = place if info.is_dir() else place.parent
        if len(files.folders) < _MOST_FILES:
            files.folders.add(str(folder))
        if info.flag_bits & 1:
            raise ValueError("a .zip archive with a password")
        if not info.is_dir() and wanted.takes(name):
            yield _archived(source, name, info)


def archived_name(info: zipfile.ZipInfo) -> str:
    """Return a name; old programs write UTF-8 or a code page of Windows and do not say which."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _archived(source: Path | io.BytesIO, name: str, info: zipfile.ZipInfo) -> Member:
    def read() -> bytes:
        try:
            with zipfile.ZipFile(source) as archive, archive.open(info) as file:
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
        files = find_files(parts)
    except (OSError, ValueError):
        return
    for folder in files.folders:  # that of a notebook, too, though the notebook stays outside
        with contextlib.suppress(OSError):
            (target / folder).mkdir(parents=True, exist_ok=True)
    for member in seen_inside(files):
        try:
            data = member.read()
            copy = target / member.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if len(data) <= member.size:
                copy.write_bytes(data)
                copy.chmod(0o644)
        except (OSError, ValueError):
            continue
