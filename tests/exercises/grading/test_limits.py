"""What a submission can not do, whoever grades: attacks run as cells, in both modes.

Each attack is a piece of code that sets ``got``; the cell then raises it, so it stands in the
notes. As root, all of this runs once more as an ordinary user, in a process of its own.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

from companion.exercises import attempts
from companion.exercises.grading import sandbox
from companion.exercises.grading.bubblewrap import isolation
from companion.exercises.grading.cells import Cell
from companion.exercises.grading.sandbox import Sandbox, WorkerTask, worker_files

REPOSITORY = Path(__file__).parents[3]
ORDINARY = 65534
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limits are Linux's")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")


@pytest.fixture(params=["bubblewrap", "limits only"])
def box(request, monkeypatch):
    """A sandbox, with and without bubblewrap."""
    if request.param == "bubblewrap" and isolation() != "bubblewrap":
        pytest.skip("bubblewrap is not installed or does not work here")
    monkeypatch.setattr(sandbox, "isolation", lambda: request.param)
    with worker_files() as tools:
        yield Sandbox(tools)


def result(box, source, folder=None, **settings):
    """Run code as a cell; return the value that it leaves in ``got``."""
    cell = Cell(f"{source}\nraise RuntimeError('got ' + repr(got))", "a.py", 1, script=True)
    said, ended = box.run(WorkerTask((cell,), (), **settings), [("", folder)] if folder else ())
    assert ended == "done", (ended, said.notes)
    assert "RuntimeError: got " in said.notes[-1][1], said.notes
    return said.notes[-1][1].partition("RuntimeError: got ")[2]


TRY = """
import os, sys
def attempt(call, *args):
    try:
        call(*args)
    except Exception as error:
        return type(error).__name__
    return "done"
"""
FILL = """
import os
got, chunk = 0, b"x" * 2**20
folders = {"/tmp", "/dev/shm", "/dev", "/", "/etc", "/var/tmp", "/run", "/proc/self", os.getcwd()}
for path, names, _ in os.walk("/"):
    folders.add(path)
    names[:] = names if path.count("/") < 2 else []
for folder in folders:
    for number in range(12):
        try:
            with open(f"{folder}/fill{number}", "wb", 0) as file:
                for _ in range(9):
                    got += file.write(chunk)
        except OSError:
            continue
"""


@linux
def test_all_files_together_have_a_size_wherever_they_are(box):
    got = int(result(box, FILL))

    assert 30 * 2**20 < got <= 64 * 2**20


COUNT = """
import itertools, os
got = 0
for folder in (os.getcwd(), "/dev/shm"):
    try:
        for number in range(20_000):
            MAKE
            got += 1
    except OSError:
        continue
"""


@linux
@pytest.mark.parametrize(
    "make",
    ["os.mkdir(f'{folder}/{number}')", "os.symlink('x', f'{folder}/{number}')",
     "os.mkfifo(f'{folder}/{number}')", "open(f'{folder}/{number}', 'x').close()"],
)  # fmt: skip
def test_the_number_of_files_is_limited_whatever_they_are(box, make):
    assert 3_000 < int(result(box, COUNT.replace("MAKE", make))) < 4_300


def test_what_is_written_over_and_over_has_room(box):
    source = """
for number in range(30):
    with open("again.bin", "wb") as file:
        file.write(bytes(9 * 2**20))
got = os.path.getsize("again.bin")
"""
    assert result(box, TRY + source) == str(9 * 2**20)


PROCESSES = """
import multiprocessing, subprocess
def spawn():
    os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
got = {
    attempt(os.fork), attempt(subprocess.run, ["true"]), attempt(spawn),
    attempt(os.execv, "/bin/true", ["true"]),
    attempt(lambda: multiprocessing.get_context("fork").Process(target=print).start()),
}
"""


@linux
def test_there_is_one_process_so_its_memory_is_that_of_the_submission(box):
    assert result(box, TRY + PROCESSES) == "{'PermissionError'}"


MEMORY = """
import mmap, threading
held = []
def take():
    try:
        while True:
            held.append(mmap.mmap(-1, 2**27))
    except (OSError, ValueError, MemoryError, RuntimeError):
        pass
threads = [threading.Thread(target=take) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
got = len(held) * 2**27
"""


@linux
def test_memory_is_limited_over_all_threads(box):
    assert 0 < int(result(box, MEMORY, memory=2**30)) <= 2**30


CALLS = {
    "own name spaces": "libc.unshare(0x10000000)",
    "a child by clone": "libc.syscall(CLONE, 17, 0, 0, 0, 0)",
    "shared memory of System V": "libc.shmget(0, 4096, 0o1600)",
    "a queue of System V": "libc.msgget(0, 0o1600)",
    "semaphores of System V": "libc.semget(0, 1, 0o1600)",
    "a file in memory": "libc.memfd_create(b'x', 0)",
    "a key": "libc.syscall(ADD_KEY, b'user', b'x', b'y', 1, -3)",
    "a look for a key": "libc.syscall(KEYCTL, 10, -3, b'user', b'x', 0)",
    "tracing": "libc.ptrace(16, os.getppid(), None, None)",
    "events of the processor": "libc.syscall(PERF, bytes(128), 0, -1, -1, 0)",
    "page faults of its own": "libc.syscall(FAULTS, 0)",
    "io_uring": "libc.syscall(425, 8, bytes(120))",
    "BPF": "libc.syscall(BPF, 0, bytes(64), 64)",
    "a mount": "libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)",
    "a socket to the internet": "libc.socket(2, 1, 0)",
    "a socket of virtual machines": "libc.socket(40, 1, 0)",
    "a local socket": "libc.socket(1, 1, 0)",
    "a pair that can be sent elsewhere": "libc.socketpair(1, 2, 0, bytes(8))",
    "a signal to others": "libc.kill(os.getppid(), 0)",
    "a signal to all": "libc.kill(-1, 0)",
    "the limits of others": "libc.prlimit64(os.getppid() or 1, 7, None, bytes(16))",
    "a call that is newer than the filter": "libc.syscall(9999)",
}
CALL = """
import ctypes, os
KEYCTL, ADD_KEY, CLONE, PERF, FAULTS, BPF = NUMBERS
libc = ctypes.CDLL(None)
got = []
"""
CALL_NUMBERS = {
    "x86_64": (250, 248, 56, 298, 323, 321),
    "aarch64": (219, 217, 220, 241, 282, 280),
}


@linux
def test_the_kernel_refuses_what_no_answer_needs(box):
    machine = os.uname().machine
    if machine not in CALL_NUMBERS:
        pytest.skip(f"calls are not filtered on {machine}")
    source = CALL.replace("NUMBERS", str(CALL_NUMBERS[machine]))
    for name, call in CALLS.items():
        source += f"if {call} >= 0:\n    got.append({name!r})\n"

    assert result(box, source) == "[]"


HARMLESS = """
import asyncio, multiprocessing, os, signal, tempfile, threading
async def wait():
    return await asyncio.to_thread(lambda: 7)
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "x.txt"), "w") as file:
        file.write("text")
    os.rename(file.name, "moved.txt")
lock = multiprocessing.Lock() if sys.platform == "linux" else None
got = [asyncio.run(wait()), open("moved.txt").read(), os.path.exists(folder)]
"""


def test_what_harms_nobody_works(box):
    assert result(box, TRY + HARMLESS) == "[7, 'text', False]"


@pytest.mark.parametrize(
    ("in_queue", "most", "stopped"),
    [(0.0, 5.0, True), (5.0, 5.0, False), (5.0, 0.0, True), (5.0, 0.3, True), (-5.0, 5.0, True)],
)
def test_time_in_which_the_machine_ran_others_does_not_count(monkeypatch, in_queue, most, stopped):
    begun = time.monotonic()
    share = in_queue / 0.5
    monkeypatch.setattr(attempts, "waited", lambda: share * (time.monotonic() - begun))

    _, error = attempts.within(0.2, time.sleep, 0.5, most=most)

    assert isinstance(error, attempts.TimeIsUp) == stopped
    assert time.monotonic() - begun < 2


CROWD = """
import os, time
from companion.exercises import attempts
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
attempts.open_queue()
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
if os.fork() == 0:
    spin(1.2)
    os._exit(0)
before = attempts.waited()
error = attempts.within(0.5, spin, 0.6, most=5.0)[1]
print(attempts.waited() - before > 0.05, error)
"""


@linux
def test_a_process_beside_another_waits_and_may_take_longer():
    if not os.path.exists("/proc/self/schedstat"):
        pytest.skip("this kernel does not say how long a process waits")
    done = subprocess.run(
        [sys.executable, "-c", CROWD], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout == "True None\n", done.stderr


@linux
def test_the_sandbox_can_tell_how_long_it_waits(box):
    if not os.path.exists("/proc/self/schedstat"):
        pytest.skip("this kernel does not say how long a process waits")

    assert (
        result(box, "import attempts, os\ngot = len(os.pread(attempts._queue[0], 99, 0).split())")
        == "3"
    )


KEYS = """
import ctypes
libc = ctypes.CDLL(None)
got = [libc.syscall(KEYCTL, 10, ring, b"user", b"companion-test", 0) for ring in (-3, -4, -5)]
"""
INSTRUCTOR = """
import ctypes, pathlib, sys
from companion.exercises.grading import sandbox, seccomp
from companion.exercises.grading.cells import Cell
KEYCTL, ADD_KEY = {numbers}
libc = ctypes.CDLL(None)
assert libc.syscall(KEYCTL, 1, None) > 0
assert libc.syscall(ADD_KEY, b"user", b"companion-test", b"secret", 6, -3) > 0
if {weak}:
    sandbox.isolation = lambda: "limits only"
with sandbox.worker_files() as tools:
    if {unfiltered}:
        (tools / "seccomp.py").write_text("def install(): return False")
    said, _ = sandbox.Sandbox(tools).run(sandbox.WorkerTask((Cell({cell!r}, 'a.py', 1),), ()))
print(said.notes[-1][1])
"""


@linux
@pytest.mark.parametrize("unfiltered", [False, True])
def test_the_instructors_keys_are_out_of_reach(box, unfiltered):
    """Without the filter, too: the worker leaves the session's keyring."""
    machine = os.uname().machine
    if machine not in CALL_NUMBERS:
        pytest.skip("no numbers of the calls for keys")
    numbers = CALL_NUMBERS[machine][:2]
    cell = KEYS.replace("KEYCTL", str(numbers[0])) + "\nraise RuntimeError(got)"
    weak = sandbox.isolation() == "limits only"
    script = INSTRUCTOR.format(numbers=numbers, weak=weak, unfiltered=unfiltered, cell=cell)

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY
    )

    if "AssertionError" in done.stderr:
        pytest.skip("this system has no keyrings")
    assert "RuntimeError: [-1, -1, -1]" in done.stdout, done


def ordinary_python():
    """A command that runs Python with the project's packages as an ordinary user, and why not."""
    packages = [REPOSITORY, sysconfig.get_path("purelib")]
    variables = {"PYTHONPATH": os.pathsep.join(map(str, packages)), "PATH": os.environ["PATH"]}
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for program in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        command = {"user": ORDINARY, "group": ORDINARY, "extra_groups": []}
        command |= {"env": variables, "cwd": "/"}
        try:
            test = [program, "-c", "import companion.exercises, numpy, pytest"]
            if subprocess.run(test, capture_output=True, **command).returncode == 0:
                return program, command
        except OSError:
            continue
    return None, {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "test_limits.py",
        pytest.param("test_guard.py", marks=pytest.mark.slow),
        pytest.param("test_shapes.py", marks=pytest.mark.slow),
        pytest.param("test_reader.py", marks=pytest.mark.slow),
    ],
)
def test_all_of_this_holds_for_an_ordinary_user_too(name):
    if os.geteuid() != 0:
        pytest.skip("this is an ordinary user")
    program, command = ordinary_python()
    if program is None:
        pytest.skip("an ordinary user can't run a Python of this version, or read this checkout")
    folder = tempfile.mkdtemp(prefix="ordinary-")
    os.chown(folder, ORDINARY, ORDINARY)
    command["env"] |= {"TMPDIR": folder, "HOME": folder}
    test = [program, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    test += ["--rootdir", str(REPOSITORY), str(Path(__file__).parent / name)]

    done = subprocess.run(test, capture_output=True, text=True, check=False, **command)
    shutil.rmtree(folder)

    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
