"""Forked kernels: sessions of their own, which end when they should."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import KernelManager

TOOLS = Path(__file__).parents[2] / "book" / "_tools"
PROGRAM = TOOLS / "warm_kernels.py"
SERVE = (
    f"import sys; sys.path.insert(0, {str(TOOLS)!r}); import warm_kernels;"
    "import this; warm_kernels.serve({!r}, ['ipykernel.kernelapp'])"
)
SECONDS = 100

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    path = tmp_path_factory.mktemp("warm") / "socket"
    command = [sys.executable, "-c", SERVE.format(str(path))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        wait_for(path.exists)
        yield process, path
        process.stdin.close()


def wait_for(is_so):
    until = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture
def start(serving, tmp_path):
    """Starts kernels in a folder, and ends those that are left."""
    managers = []

    def start(**settings):
        manager = KernelManager(kernel_name="python3")
        command = [sys.executable, "-IS", str(PROGRAM), "start", str(serving[1])]
        manager.kernel_spec.argv = [*command, "-f", "{connection_file}"]
        manager.start_kernel(cwd=str(tmp_path), stderr=subprocess.DEVNULL, **settings)
        client = manager.client()
        client.start_channels()
        managers.append((manager, client))
        client.wait_for_ready(timeout=SECONDS)
        return manager, client

    yield start
    for manager, client in managers:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client, code):
    """What a cell prints, or the name of its error."""
    said = []

    def take(message):
        content = message["content"]
        said.append(content.get("text") or content.get("ename") or "")

    client.execute_interactive(code, output_hook=take, timeout=SECONDS, store_history=False)
    return "".join(said).strip()


def test_kernels_have_what_was_imported_and_nothing_of_one_another(start, tmp_path):
    one, other = (
        start(env={**os.environ, "NAME": name, "PYTHONPATH": ""})[1] for name in ("one", "other")
    )

    assert run(one, "import sys; x = 1; print('this' in sys.modules)") == "True"
    assert run(other, "x") == "NameError"
    assert run(one, "import os; print(os.environ['NAME'], os.getcwd())") == f"one {tmp_path}"
    assert run(other, "import os; print(os.environ['NAME'])") == "other"
    numbers = {run(client, "print(os.getpid(), os.getsid(0))") for client in (one, other)}
    assert len(numbers) == 2
    assert all(len(set(number.split())) == 1 for number in numbers)  # leads its own session
    tools = run(one, "print(sys.path[0] == '', any('_tools' in path for path in sys.path))")
    assert tools == "True False"


def test_an_interrupt_reaches_the_cell(start, tmp_path):
    manager, client = start()
    cell = "import pathlib, time; pathlib.Path('ran').touch(); time.sleep(1000)"
    client.execute(cell, stop_on_error=False)  # what comes next is run, whatever this ends in
    wait_for((tmp_path / "ran").exists)
    manager.interrupt_kernel()

    assert run(client, "print('goes on')").endswith("goes on")


def test_a_kernel_that_is_shut_down_cleans_up_and_says_how_it_ended(start):
    manager, client = start()
    folder = run(client, "import tempfile; f = tempfile.TemporaryDirectory(); print(f.name)")
    process = manager.provisioner.process

    manager.shutdown_kernel()

    assert process.wait(SECONDS) == 0
    assert not Path(folder).exists()


def test_a_kernel_whose_start_is_killed_ends_and_the_next_starts(start):
    manager, client = start()
    kernel = psutil.Process(int(run(client, "import os; print(os.getpid())")))

    manager.provisioner.process.kill()

    kernel.wait(SECONDS)
    assert run(start()[1], "print(1)") == "1"


def test_a_kernel_that_dies_is_told_by_its_status(start):
    manager, client = start()
    client.execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")

    assert manager.provisioner.process.wait(SECONDS) == 128 + signal.SIGKILL


def test_when_the_process_behind_them_ends_all_kernels_do(tmp_path):
    path = tmp_path / "socket"
    command = [sys.executable, "-c", SERVE.format(str(path))]
    serving = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_for(path.exists)
    command = [sys.executable, "-IS", PROGRAM, "start", path, "-f", tmp_path / "connection.json"]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for((tmp_path / "connection.json").exists)

    serving.stdin.close()

    assert serving.wait(SECONDS) == 0
    assert started.wait(SECONDS) == 70
