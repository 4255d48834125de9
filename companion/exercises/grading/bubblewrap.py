"""The command that starts a process under bubblewrap: what it sees, and what it can write to.

It gets name spaces of its own for processes, network and users' rights, and a file system of the
system's programs and libraries, Python with its packages, the worker and the student's files. All
of it is read-only but the folder to work in and ``/dev/shm``, which are in memory and have a size.
"""

import os
import shutil
import site
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

_SHARED_MEMORY = 2**20  # bytes of /dev/shm
GIVEN, TOOLS = "/submission", "/grader"
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/ld.so.cache")
_PACKAGE = Path(__file__).resolve().parents[2]  # holds the solutions


def library_path() -> tuple[str, ...]:
    """Return the folders of installed packages; not those of editable ones, such as this.

    Those that Python itself uses here count, too, such as a user's own (``pip install --user``).
    """
    folders = [*site.getsitepackages(), sysconfig.get_path("platlib")]
    used = [folder for folder in sys.path if folder.endswith(("site-packages", "dist-packages"))]
    folders += map(os.path.abspath, used)
    return tuple(dict.fromkeys(folder for folder in folders if os.path.isdir(folder)))


def visible() -> list[str]:
    """Return the folders that a submission may read: the system's, Python's, its packages'."""
    own = sorted({sys.prefix, sys.base_prefix, *library_path()})
    return [path for path in (*_SYSTEM, *own) if os.path.exists(path)]


def hidden() -> list[str]:
    """Return the folders inside `visible` ones that hold this package, with the solutions."""
    installed = [Path(folder) / "companion" for folder in library_path()]
    seen = [Path(path).resolve() for path in visible()]
    return [
        str(folder)
        for folder in dict.fromkeys([_PACKAGE, *installed])
        if folder.is_dir() and any(folder.resolve().is_relative_to(place) for place in seen)
    ]


def readable() -> tuple[list[str], list[str]]:
    """Return `visible` without what is `hidden`, for rules that can only allow.

    Returns:
        Folders and files to read, and the folders around what is hidden: names only.
    """
    paths, around = [*visible(), "/dev/null", "/dev/zero", "/dev/urandom", "/proc/self"], set()
    if sys.platform == "darwin":
        paths += ["/System/Library", "/Library/Frameworks", "/private/var/db/timezone"]
    for secret in map(os.path.realpath, hidden()):
        opened = []
        for path in map(os.path.realpath, paths):
            opened += _around(path, secret, around)
        paths = opened
    return paths, sorted(around)


def _around(path: str, secret: str, around: set[str]) -> list[str]:
    """Return a folder's entries but the one that leads to ``secret``, there the same again."""
    if path == secret:
        return []
    if not Path(secret).is_relative_to(path):
        return [path]
    around.add(path)
    return [
        place
        for entry in os.scandir(path)
        for place in _around(os.path.realpath(entry.path), secret, around)
    ]


@cache
def isolation() -> str:
    """Return ``"bubblewrap"`` if it is installed and works here, else ``"limits only"``."""
    program = shutil.which("bwrap")
    if program is None:
        return "limits only"
    trial = subprocess.run(
        [program, *_namespaces(), "--ro-bind", "/", "/", "true"], capture_output=True, check=False
    )
    return "bubblewrap" if trial.returncode == 0 else "limits only"


def _namespaces() -> list[str]:
    """Return the name spaces; root keeps its own users and becomes another inside."""
    common = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    common += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv"]
    if os.geteuid() != 0:
        return [*common, "--unshare-user"]
    kept = ("CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN")  # the worker mounts, and gives them up
    return [*common, "--cap-drop", "ALL", *(part for cap in kept for part in ("--cap-add", cap))]


def _links(program: str, folders: list[str]) -> dict[str, str]:
    """Return the links outside of ``folders`` on the way from a program's name to its file.

    The Python of a virtual environment is a link to how Python was called when it was made, such
    as ``~/.local/bin/python3.11``, which may be a link again.
    """
    links = {}
    while os.path.islink(program):
        target = os.readlink(program)
        if not any(Path(program).is_relative_to(folder) for folder in folders):
            links[program] = target
        program = os.path.normpath(os.path.join(os.path.dirname(program), target))
    return links


def work() -> str:
    """Return the folder to work in: ``/tmp``, unless Python itself or a package lies below it.

    A file system is mounted there, and would hide what lies below.
    """
    taken = any(Path(path).is_relative_to("/tmp") for path in visible())
    return "/work" if taken else "/tmp"


def command(
    tools: Path, given: Path, size: int, environment: dict[str, str], program: list[str]
) -> list[str]:
    """Return the command.

    Args:
        tools: Folder of the worker, seen as `TOOLS`.
        given: The student's files, seen as `GIVEN`.
        size: Bytes that can be written in all.
        environment: All variables that the program gets.
        program: What to start.
    """
    binds = visible()
    made = ["bwrap", *_namespaces()]
    made += ["--perms", "1777", "--size", str(size - _SHARED_MEMORY), "--tmpfs", work()]
    links = _links(sys.executable, binds)
    parents = {parent for path in [*binds, *links] for parent in Path(path).parents if parent.name}
    for parent in sorted(parents - set(map(Path, (*_SYSTEM, work())))):
        made += ["--perms", "0755", "--dir", str(parent)]  # else they would be root's alone
    for path in binds:
        if path in _SYSTEM and os.path.islink(path):  # such as /bin, into another of these
            made += ["--symlink", os.readlink(path), path]
        else:
            made += ["--ro-bind", path, path]
    for path, target in links.items():
        made += ["--symlink", target, path]
    for folder in hidden():
        made += ["--tmpfs", folder, "--remount-ro", folder]
    made += ["--ro-bind", str(tools), TOOLS, "--ro-bind", str(given), GIVEN]
    made += ["--proc", "/proc", "--dev", "/dev"]
    made += ["--perms", "1777", "--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm"]
    made += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", work()]
    for name, value in environment.items():
        made += ["--setenv", name, value]
    return [*made, *program]
