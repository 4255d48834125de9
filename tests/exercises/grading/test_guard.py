"""Without bubblewrap: what the kernel's file rules refuse, and what the hook of Python does.

The hook is what macOS has. It is tried here with the kernel's rules taken away.
"""

import ast
import os
import sqlite3
import time
from pathlib import Path

import pytest

from companion.exercises import catalog
from companion.exercises.grading import bubblewrap, sandbox
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.cells import Cell
from companion.exercises.grading.grader import Grader
from companion.exercises.grading.sandbox import Sandbox, WorkerTask, worker_files
from companion.exercises.grading.submission import Submission

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
NOTHING = {
    "landlock.py": "def restrict(*_): return False",
    "seccomp.py": "def install(): return False",
}


@pytest.fixture(params=["file rules", "guard"])
def weak(request, monkeypatch):
    """A sandbox without bubblewrap, with the kernel's rules or with the hook."""
    monkeypatch.setattr(sandbox, "isolation", lambda: "limits only")
    with worker_files() as tools:
        box = Sandbox(tools)
        box.run(WorkerTask((), ()))
        if request.param == "guard":
            for name, source in NOTHING.items():
                (tools / name).write_text(source)
        elif "file rules" not in box.held:
            pytest.skip("this kernel has no Landlock")
        yield box


def result(box, source, parts=(), **settings):
    """Run code as a cell; return the value that it leaves in ``got``."""
    cell = Cell(f"{source}\nraise RuntimeError('got ' + repr(got))", "a.py", 1)
    said, ended = box.run(WorkerTask((cell,), (), **settings), parts)
    assert ended == "done", (ended, said.notes)
    assert "RuntimeError: got " in said.notes[-1][1], said.notes
    return said.notes[-1][1].partition("RuntimeError: got ")[2]


READS = {
    "open": "open(SECRET).read()",
    "os.open": "os.read(os.open(SECRET, os.O_RDONLY), 9)",
    "pathlib": "pathlib.Path(SECRET).read_text()",
    "a detour": "open(os.path.dirname(SECRET) + '/../' + '/'.join(SECRET.split('/')[-2:])).read()",
    "linecache": "linecache.getlines(SECRET)[0]",
    "sqlite": "sqlite3.connect(DATABASE).execute('select * from t').fetchall()",
    "the folder": "os.listdir(os.path.dirname(SECRET))",
    "the folder by glob": "glob.glob(os.path.dirname(SECRET) + '/*')[0]",
    "its own link": "os.symlink(SECRET, 'link') or open('link').read()",
    "the grader's command": "open(f'/proc/{os.getppid()}/cmdline').read()",
    "users of the system": "open('/etc/passwd').read()",
    "the solutions": "open(SOLUTION).read()",
}
WRITES = {
    "open": "open(PLACE, 'w')",
    "os.open": "os.open(PLACE, os.O_CREAT | os.O_WRONLY)",
    "appending": "open(SECRET, 'a')",
    "mkdir": "os.mkdir(PLACE)",
    "symlink": "os.symlink('x', PLACE)",
    "link": "os.link(SECRET, 'own')",
    "rename": "open('own2', 'w').close() or os.rename('own2', PLACE)",
    "remove": "os.remove(SECRET)",
    "truncate": "os.truncate(SECRET, 0)",
    "rmdir": "os.rmdir(FOLDER)",
    "rmtree": "shutil.rmtree(FOLDER)",
    "sqlite": "sqlite3.connect(PLACE).execute('create table t (a)')",
    "fifo": "os.mkfifo(PLACE)",
}
BEYOND_THE_HOOK = {"fifo"}  # Python does not ask it
TRY = """
import glob, linecache, os, pathlib, shutil, sqlite3
got = []
"""


def tried(table, **places):
    """Code that notes in ``got`` which of some pieces of code came to an end."""
    source = TRY + "".join(f"{name} = {str(value)!r}\n" for name, value in places.items())
    for name, code in table.items():
        source += f"try:\n    {code}\n    got.append({name!r})\n"
        source += "except (OSError, IndexError, sqlite3.Error):\n    pass\n"
    return source


def test_files_outside_can_not_be_read(weak, tmp_path):
    secret, database = tmp_path / "secret.txt", tmp_path / "data.sqlite"
    secret.write_text("secret")
    with sqlite3.connect(database) as connection:
        connection.execute("create table t (a)")
    connection.close()
    places = {"SECRET": secret, "DATABASE": database, "SOLUTION": catalog.__file__}

    assert result(weak, tried(READS, **places)) == "[]"


def test_files_outside_can_not_be_changed(weak, tmp_path):
    secret, folder, place = tmp_path / "secret.txt", tmp_path / "folder", tmp_path / "new"
    secret.write_text("secret")
    folder.mkdir()

    got = result(weak, tried(WRITES, SECRET=secret, FOLDER=folder, PLACE=place))

    beyond = BEYOND_THE_HOOK if "guard" in weak.held else set()
    assert set(ast.literal_eval(got)) <= beyond
    assert secret.read_text() == "secret"
    assert {path.name for path in tmp_path.iterdir()} - {"new"} == {"secret.txt", "folder"}


ACTIONS = {
    "connect": "socket.create_connection(('127.0.0.1', 9), timeout=1)",
    "look up": "socket.getaddrinfo('localhost', 80)",
    "listen": "socket.create_server(('127.0.0.1', 0))",
    "fork": "os.fork()",
    "run": "subprocess.run(['true'])",
    "system": "os.system('true') and 1 / 0",
    "kill": "os.kill(os.getppid(), 0)",
    "enter": "os.chdir('/etc')",
}


def test_processes_and_sockets_are_refused(weak):
    table = {name: f"import socket, subprocess\n    {code}" for name, code in ACTIONS.items()}
    if "guard" not in weak.held:  # the kernel lets a process enter folders and read the name table
        del table["enter"], table["look up"], table["system"]

    assert result(weak, tried(table)) == "[]"


GC = """
import gc
try:
    for one in gc.get_objects():
        if type(one).__name__ == "function" and one.__name__ == "hook":
            one.__code__ = (lambda event, args: None).__code__
except PermissionError:
    pass
try:
    got = open("/etc/passwd").read(5)
except OSError:
    got = "refused"
"""


def test_the_hook_is_not_found_by_the_garbage_collector(weak):
    assert result(weak, GC) == "'refused'"


TORCH = """
import tempfile
import numpy, torch
with tempfile.NamedTemporaryFile() as file:
    numpy.save(file, numpy.ones(3))
got = float(torch.ones(3).sum())
"""


def needs(*names):
    """Skip where the sandbox has no such package."""
    folders = [Path(folder) for folder in bubblewrap.library_path()]
    for name in names:
        if not any((folder / name).is_dir() for folder in folders):
            pytest.skip(f"{name} is not installed where the sandbox looks")


def test_torch_can_be_imported_wherever_python_is(weak):
    needs("numpy", "torch")

    assert result(weak, TORCH, load_seconds=120.0) == "3.0"


def test_a_folder_named_exercises_is_nothing_special(weak, tmp_path):
    own = tmp_path / "exercises" / "numpy-exercises.txt"
    own.parent.mkdir()
    own.write_text("data")

    parts = (("exercises", own.parent),)

    assert result(weak, "got = open('numpy-exercises.txt').read()", parts) == "'data'"


ONE_BY_ONE = """
import time
for number in range(10):
    with open(str(number), "wb") as file:
        file.write(bytes(9 * 2**20))
time.sleep(5)
"""
ALL_AT_ONCE = """
import time
files = [open(str(number), "wb") for number in range(20)]
for file in files:
    file.write(bytes(9 * 2**20))
time.sleep(5)
"""
UNSIZED = """
import os
def enter(work, given, size, files):
    os.chdir(work)
    return []
"""


def test_without_a_sized_folder_the_hook_and_the_grader_look_at_it(weak):
    (weak.tools / "workplace.py").write_text(UNSIZED)

    cells = [Cell(source, "a.py", 1) for source in (ONE_BY_ONE, ALL_AT_ONCE)]
    ends = [weak.run(WorkerTask((cell,), ())) for cell in cells]

    if "guard" in weak.held:
        assert ends[0][1] == "done"
        assert "no space left" in str(ends[0][0].notes)
    else:
        assert ends[0][1] == "files"
    assert ends[1][1] == "files"


CHILDREN = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        held = b"x" * (200 * 2**20)
        time.sleep(20)
time.sleep(20)
"""


def test_memory_of_children_counts_where_the_kernel_allows_them():
    """As on a machine whose calls are not filtered."""
    if isolation() != "bubblewrap":
        pytest.skip("bubblewrap is not installed or does not work here")
    with worker_files() as tools:
        (tools / "seccomp.py").write_text(NOTHING["seccomp.py"])
        begun = time.monotonic()
        _, ended = Sandbox(tools).run(
            WorkerTask((Cell(CHILDREN, "a.py", 1),), (), memory=400 * 2**20)
        )

    assert ended == "memory"
    assert time.monotonic() - begun < 12


HEAD = (
    "import os, tempfile\nfrom concurrent.futures import ThreadPoolExecutor\nimport numpy as np\n"
)
HONEST = {
    "numpy": "return np.tril(np.ones((n, n), dtype=bool))",
    "torch": "return torch.ones(n, n).tril().bool()",
    "a temporary file": (
        "with tempfile.TemporaryFile() as f:\n        np.save(f, np.tri(n))\n        f.seek(0)\n"
        "        return np.load(f).astype(bool)"
    ),
    "a thread": (
        "with ThreadPoolExecutor(4) as pool:\n"
        "        return pool.submit(np.tri, n).result().astype(bool)"
    ),
    "wrong": "return np.ones((n, n), dtype=bool)",
    "an endless loop": "while True: pass",
    "a process": "os.fork()",
}


@pytest.mark.slow
def test_the_grade_is_the_same_with_and_without_bubblewrap(monkeypatch):
    needs("numpy", "torch")
    if isolation() != "bubblewrap":
        pytest.skip("bubblewrap is not installed or does not work here")
    grader = Grader([catalog.find("causal-mask")], "a secret of the test", load_seconds=120.0)
    rows = {}
    for mode in ("bubblewrap", "limits only"):
        monkeypatch.setattr(sandbox, "isolation", lambda mode=mode: mode)
        for name, source in HONEST.items():
            head = HEAD + "import torch\n" * (name == "torch")
            cell = Cell(f"{head}def causal_mask(n):\n    {source}", "a.py", 1)
            one = Submission(name, (("a.py", Path("a.py")),), (cell,))
            with worker_files() as tools:
                row = grader.row(one, Sandbox(tools))
            rows.setdefault(name, []).append({k: row[k] for k in ("status", "lost", "exercises")})

    for name, (first, second) in rows.items():
        assert first == second, name
    shares = {name: row[0]["exercises"]["causal-mask"]["share"] for name, row in rows.items()}
    right = ("numpy", "torch", "a temporary file", "a thread")
    assert {name for name, share in shares.items() if share == 1} == set(right)
