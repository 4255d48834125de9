"""The folder of a class, or the ``.zip`` archive that a platform has made of it.

An archive is unpacked into a temporary folder, which is gone afterwards. Nothing is written before
it is known that every name stays inside, that no name comes twice and that the disk has room. Such
an archive comes from a platform, which writes neither links nor passwords: with these it is
refused, and can be unpacked by hand. A student's file that is too large is cut off, so that its
row says so; the others are not touched.
"""

import contextlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from companion.exercises.grading.gradescope import METADATA
from companion.exercises.grading.members import LARGEST_NOTEBOOK, archived_name, is_archive
from companion.exercises.grading.roster import CLASSROOM, CLONED
from companion.exercises.grading.student import read_names

_MOST_FILES = 1_000_000
_LONGEST_NAME = 200  # bytes of a file's name; file systems hold 255
_NOT_HANDED_IN = {"__MACOSX", ".git"}
_BY_HAND = "unpack it yourself, look at it, and give the folder"


@contextlib.contextmanager
def class_folder(path: Path) -> Iterator[Path]:
    """Give the folder that holds the submissions.

    It is the only folder in ``path`` where that is how Gradescope and others pack a class.

    Args:
        path: A folder, or an archive.

    Raises:
        ValueError: If it is neither, or the archive can't be unpacked safely.
    """
    if path.is_dir():
        yield _inner(path, "")
        return
    if not path.is_file():
        raise ValueError(f"{path} is not a folder; give the one that holds the submissions")
    if not is_archive(path.name):
        raise ValueError(
            f"{path} is not a folder and no .zip archive; give what holds the submissions"
        )
    with tempfile.TemporaryDirectory(prefix="companion-class-") as name:
        _unpack(path, Path(name))
        yield _inner(Path(name), path.stem)


def _inner(folder: Path, stem: str) -> Path:
    """Return the only folder in ``folder`` if that is no student's, or ``folder``."""
    ignored = (".", "__MACOSX", CLASSROOM)
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(ignored)]
    if len(entries) != 1 or not entries[0].is_dir() or entries[0].is_symlink():
        return folder
    inside = [entry.name for entry in entries[0].iterdir() if not entry.name.startswith(".")]
    packed = METADATA in inside or entries[0].name == stem or entries[0].name.endswith(CLONED)
    named = inside and all(named.student.platform for named in read_names(inside))
    return entries[0] if packed or named else folder


def _unpack(path: Path, target: Path) -> None:
    """Unpack an archive into an empty folder."""
    from tqdm import tqdm

    try:
        with zipfile.ZipFile(path) as archive:
            files = _files(path, archive)
            _check_room(path, files, target)
            for name, info in tqdm(files.items(), "unpacking", unit="file", disable=None):
                _write(archive, info, target / name)
    except (zipfile.BadZipFile, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged .zip archive ({error}); get it again") from None
    except (FileExistsError, NotADirectoryError) as error:  # upper and lower case, on some disks
        name = Path(error.filename).relative_to(target)
        raise ValueError(f"{path} holds two of the name {name}; {_BY_HAND}") from None
    except (NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path}: {error}; {_BY_HAND}") from None


def _files(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files to unpack, by the name that they will have."""
    infos = archive.infolist()
    if len(infos) > _MOST_FILES:
        raise ValueError(f"{path} holds more than {_MOST_FILES} files; {_BY_HAND}")
    files: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = archived_name(info)
        place = PurePosixPath(name)
        shown = repr(name[:100])
        if place.is_absolute() or ".." in place.parts or "\0" in name:
            raise ValueError(f"{path}: the name {shown} in it leads outside of it; {_BY_HAND}")
        if not _NOT_HANDED_IN.isdisjoint(place.parts) or place.name.startswith("._"):
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ValueError(f"{path}: {shown} in it is a link, no file; {_BY_HAND}")
        if info.is_dir() or not place.parts:
            continue
        if info.flag_bits & 1:
            raise ValueError(f"{path} has a password; {_BY_HAND}")
        short = "/".join(map(_short, place.parts))
        if short in files:
            raise ValueError(f"{path} holds {shown} twice; {_BY_HAND}")
        files[short] = info
    if not files:
        raise ValueError(f"{path} holds no file")
    return files


def _short(part: str) -> str:
    """Return a name that file systems can hold; who handed in stands in front."""
    if len(part.encode("utf-8", "surrogatepass")) <= _LONGEST_NAME:
        return part
    suffix = PurePosixPath(part).suffix[:20]
    digest = format(zlib.crc32(part.encode("utf-8", "surrogatepass")), "08x")
    kept = part.encode("utf-8", "ignore")[: _LONGEST_NAME - 40].decode("utf-8", "ignore")
    return f"{kept}-{digest}{suffix}"


def _check_room(path: Path, files: dict[str, zipfile.ZipInfo], target: Path) -> None:
    size = sum(min(info.file_size, LARGEST_NOTEBOOK + 1) for info in files.values())
    free = shutil.disk_usage(target).free
    if size > free:
        raise ValueError(
            f"{path} has {size / 2**30:.1f} GiB when unpacked, and the disk of {target.parent} has "
            f"{free / 2**30:.1f} GiB free; set TMPDIR to a folder with more room, or {_BY_HAND}"
        )


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    left = LARGEST_NOTEBOOK + 1  # with one byte too much the reader says that it is too large
    with archive.open(info) as source, file.open("xb") as copy:
        while left and (part := source.read(min(left, 2**20))):
            copy.write(part)
            left -= len(part)
