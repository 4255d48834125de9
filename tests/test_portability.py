"""No module needs Linux to be imported: what only POSIX has is reached for where it is used.

Read from the source, since no machine of another system is here; the weekly run has two.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import companion

ROOT = Path(companion.__file__).parent
MODULES = sorted([*ROOT.rglob("*.py"), *(ROOT.parent / "book" / "_experiments").glob("*.py")])
# Not on Windows, or not on macOS either.
LIBRARIES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
NAMES = {
    "os": {
        *("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_PATH", "chown", "fchmod", "fork"),
        *("getegid", "geteuid", "getgid", "getpgid", "getuid", "killpg", "mkfifo", "pread"),
        *("sched_getaffinity", "setsid", "uname"),
    },
    "signal": {"SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "pthread_kill", "setitimer"},
}


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a module is imported: everything but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Try):  # an import that may fail is provided for
            continue
        yield child
        yield from at_import(child)


def needs_of(text: str) -> list[str]:
    """Return what a module reaches for at import and Windows does not have."""
    found = []
    for node in at_import(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in LIBRARIES]
        if isinstance(node, ast.ImportFrom):
            missing = NAMES.get(node.module or "", set())
            found += [alias.name for alias in node.names if alias.name in missing]
            found += [node.module] if node.module in LIBRARIES else []
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [node.attr] if node.attr in NAMES.get(node.value.id, ()) else []
    return found


def test_every_module_is_imported_on_every_system() -> None:
    needs = {path: needs_of(path.read_text(encoding="utf-8")) for path in MODULES}

    assert {path.name: names for path, names in needs.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("import resource", ["resource"]),
        ("from pwd import getpwnam", ["pwd"]),
        ("from signal import SIGKILL, SIGINT", ["SIGKILL"]),
        ("import os\nclass A:\n    user = os.getuid()", ["getuid"]),
        ("import signal\nx = [signal.SIGALRM]", ["SIGALRM"]),
        ("import os\ndef f():\n    import fcntl\n    return os.fork()", []),
        ("try:\n    import termios\nexcept ImportError:\n    termios = None", []),
    ],
)
def test_what_only_posix_has_is_found(text: str, needs: list[str]) -> None:
    assert needs_of(text) == needs


def silent_lines(text: str) -> list[int]:
    """Return the lines that read or write a file as text and don't say in which encoding."""
    calls = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("read_text", "write_text")
    ]
    return [
        node.lineno
        for node in calls
        if not any(keyword.arg == "encoding" for keyword in node.keywords)
        and "utf-8" not in [getattr(arg, "value", None) for arg in node.args]
    ]


def test_text_is_read_and_written_in_utf_8_on_every_system() -> None:
    """Without a name for it, Windows takes its own code page."""
    others = {"_extras.py"}  # what pip notes about a package is read by its own `read_text`

    silent = {path.name: silent_lines(path.read_text(encoding="utf-8")) for path in MODULES}

    assert {name: lines for name, lines in silent.items() if lines and name not in others} == {}


def test_a_file_without_an_encoding_is_found() -> None:
    assert silent_lines("a.read_text()\nb.read_text('utf-8')\nb.read_text(encoding=x)") == [1]
