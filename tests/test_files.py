"""A file is written whole or not at all, whatever happens."""

import ast
import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import SafetensorError

from companion._files import in_words, remove_leftovers, replacing, write_whole

ROOT = Path(__file__).parents[1]
# What moves files and is no writing of one: name it here, with the reason.
MOVES = {
    "companion/_files.py": {"os.replace"},
    "companion/chatbot/archive.py": {"os.replace"},  # sets another server's version aside
    "companion/exercises/records.py": {".rename"},  # sets a damaged file aside
    "companion/models/gguf_file.py": {".rename"},  # a folder
    "companion/serving/export.py": {"os.rename"},  # a folder
    "book/_tools/build_site.py": {"os.replace"},  # a folder
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run(program: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("content", "encoding", "data"),
    [
        ("ä\n", "utf-8", b"\xc3\xa4\n"),
        ("a\r\nb\n", "utf-8", b"a\r\nb\n"),
        ("a", "utf-8-sig", b"\xef\xbb\xbfa"),
        (b"\x00\xff", "utf-8", b"\x00\xff"),
        ("", "utf-8", b""),
    ],
)
def test_what_is_written_is_what_is_there(
    content: str | bytes, encoding: str, data: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("longer than all that is written here")

    write_whole(file, content, encoding=encoding)

    assert file.read_bytes() == data
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", ["old", None])
def test_a_block_that_fails_leaves_what_was_there(
    error: type[BaseException], before: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    if before is not None:
        file.write_text(before)

    def write() -> None:
        with replacing(file) as new:
            new.write_text("half of the ne")
            raise error

    with pytest.raises(error):
        write()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == (
        {} if before is None else {"file": before}
    )


def test_a_full_disk_leaves_what_was_there_and_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")

    done = run(
        """
        import resource, sys
        from companion._files import write_whole
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_whole(sys.argv[1], "new" * 1000)
        except OSError as error:
            print(error.filename, error.strerror)
        """,
        file,
    )

    assert done.stdout == f"{file} File too large\n", done.stderr
    assert file.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_program_that_is_killed_leaves_what_was_there(tmp_path: Path) -> None:
    file, beside = tmp_path / "file", tmp_path / "another"
    file.write_text("old")

    done = run(
        """
        import os, signal, sys
        from companion._files import replacing
        with replacing(sys.argv[1]) as new:
            new.write_text("half of the ne")
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        file,
    )
    (left,) = tmp_path.glob(".*.tmp")
    write_whole(file, "young leftovers may be somebody's work")

    assert done.returncode == -signal.SIGKILL
    assert left.exists()
    os.utime(left, (0, 0))
    write_whole(beside, "not mine")
    assert left.exists()
    write_whole(file, "new")
    assert names(tmp_path) == ["another", "file"]
    assert file.read_text() == "new"


def test_who_writes_many_files_looks_for_leftovers_once(tmp_path: Path) -> None:
    left, young = tmp_path / f".a.txt-{'0' * 16}.tmp", tmp_path / f".b.txt-{'1' * 16}.tmp"
    for path in (left, young, tmp_path / ".mine.tmp"):
        path.touch()
    for path in (left, tmp_path / ".mine.tmp"):
        os.utime(path, (0, 0))

    write_whole(tmp_path / "a.txt", "x", tidy=False)
    assert left.exists()
    remove_leftovers(tmp_path)

    assert names(tmp_path) == sorted([young.name, ".mine.tmp", "a.txt"])


def test_permissions_are_kept_or_given(tmp_path: Path) -> None:
    file, usual = tmp_path / "file", tmp_path / "usual"
    usual.touch()
    file.touch(0o640)
    file.chmod(0o640)

    def mode() -> int:
        return stat.S_IMODE(file.stat().st_mode)

    write_whole(file, "a")
    assert mode() == 0o640
    write_whole(file, "a", mode=0o600)
    assert mode() == 0o600
    file.chmod(0o444)
    write_whole(file, "a")
    assert mode() == 0o444
    file.unlink()
    write_whole(file, "a")
    assert mode() == stat.S_IMODE(usual.stat().st_mode)


def test_what_is_to_be_private_is_so_from_the_start(tmp_path: Path) -> None:
    with replacing(tmp_path / "file", mode=0o600) as new:
        assert stat.S_IMODE(new.stat().st_mode) == 0o600


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link, file = tmp_path / "link", tmp_path / "folder" / "file"
    link.symlink_to(file)

    write_whole(link, "first")
    write_whole(link, "second")

    assert link.is_symlink()
    assert file.read_text() == "second"
    assert names(file.parent) == ["file"]


# A pipe stands for devices: as root, a broken package would replace the machine's own /dev/null.
@pytest.mark.parametrize("kind", ["folder", "pipe", "link to a pipe", "link to a folder"])
def test_what_is_no_regular_file_stays(kind: str, tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    if kind.endswith("folder"):
        real.mkdir()
    else:
        os.mkfifo(real)
    link.symlink_to(real)
    path = link if kind.startswith("link") else real
    before = os.stat(path)

    with pytest.raises(OSError, match="this is not a regular file"):
        write_whole(path, "text")

    assert (os.stat(path).st_ino, os.stat(path).st_mode) == (before.st_ino, before.st_mode)
    assert names(tmp_path) == ["link", "real"]


@pytest.mark.parametrize("place", ["no folder/file", "file/below", "n" * 256])
def test_an_error_names_the_file_not_the_one_beside_it(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match=r".") as caught:
        write_whole(tmp_path / place, "text")

    assert str(caught.value.filename) == str(tmp_path / place)
    assert names(tmp_path) == ["file"]


def test_a_text_that_the_encoding_lacks_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", "\ud800")

    assert names(tmp_path) == []


def test_long_names_have_room_for_the_file_beside_them(tmp_path: Path) -> None:
    file = tmp_path / ("ä" * 127)  # 254 of 255 bytes

    write_whole(file, "text")

    assert file.read_text() == "text"


def moves(path: Path) -> Iterator[str]:
    """Yield the calls of a file that move another, or make one to move it later."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, owner = node.func.attr, ast.unparse(node.func.value)
        if owner in ("os", "shutil", "tempfile"):
            if name in ("replace", "rename", "renames", "move", "mkstemp", "NamedTemporaryFile"):
                yield f"{owner}.{name}"
        elif name in ("replace", "rename") and len(node.args) == 1 and not node.keywords:
            yield f".{name}"  # a path's; that of a string takes two


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("os.replace(a, b)", ["os.replace"]),
        ("Path(a).replace(b)", [".replace"]),
        ("text.replace('a', 'b')", []),
        ("tempfile.mkstemp()", ["tempfile.mkstemp"]),
    ],
)
def test_moves_are_told_from_other_calls(code: str, found: list[str], tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(code)

    assert list(moves(tmp_path / "module.py")) == found


def test_files_are_replaced_in_one_place_only() -> None:
    paths = [p for part in ("companion", "book", ".ci") for p in (ROOT / part).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): set(moves(path)) for path in sorted(paths)}

    strays = {name: calls - MOVES.get(name, set()) for name, calls in found.items()}

    assert {name: calls for name, calls in strays.items() if calls} == {}
    assert {name for name, calls in found.items() if calls} == set(MOVES)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "other"), "No space left on device"),
        (OSError("9 requested and 4 written"), "9 requested and 4 written"),
        (SafetensorError("I/O error: full"), "I/O error: full"),
    ],
)
def test_a_full_disk_is_said_in_a_sentence(error: Exception, reason: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="MB of its disk are free") as caught, in_words(tmp_path):
        raise error

    said = str(caught.value)
    assert said.startswith(f"{tmp_path} can't be written (")
    assert said.endswith(f"free): {reason}. Make room, or choose another place")


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match=r"^.Errno 13. no$"), in_words(tmp_path):
        raise PermissionError(errno.EACCES, "no")
