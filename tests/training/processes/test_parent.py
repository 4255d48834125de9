"""A process ends with the one that started it."""

import subprocess
import sys

import psutil

from companion.training.processes.parent import GONE, ending_with_parent

CHILD = """
import time
from companion.training.processes.parent import ending_with_parent
with ending_with_parent(every=0.02):
    print("ready", flush=True)
    time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_process_whose_parent_is_killed_ends_and_says_why() -> None:
    command = [sys.executable, "-c", PARENT, CHILD]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == "ready\n"

        parent.kill()

        psutil.wait_procs([child], timeout=20)
        alive = child.is_running() and child.status() != psutil.STATUS_ZOMBIE
        if alive:
            child.kill()
        errors = parent.stderr.read()
    assert not alive
    assert errors == f"{GONE}\n"


def test_a_process_whose_parent_is_there_goes_on() -> None:
    with ending_with_parent(every=0.01):
        subprocess.run([sys.executable, "-c", ""], check=True)
