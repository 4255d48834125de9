"""`companion grade`, as from the command line, and the table that it writes."""

import csv
import signal
import subprocess
import sys
import time

from companion.__main__ import main


def grade(folder, *options, out=None, seed="a long secret"):
    out = out or folder.parent / "grades.csv"
    return main(["grade", str(folder), "--out", str(out), "--seed", seed, *options])


def table(folder):
    with (folder.parent / "grades.csv").open(newline="", encoding="utf-8-sig") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def interrupted(folder, *options, out, unfinished, rows):
    """Start the command, press Ctrl-C when it has written some rows; its status and its words."""
    command = [sys.executable, "-m", "companion", "grade", str(folder), "--seed", "a long secret"]
    command += ["--out", str(out), *options]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not unfinished.exists() or unfinished.read_bytes().count(b"\n") < rows:
        assert program.poll() is None
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    said = program.communicate(timeout=60)[1]
    return program.returncode, said
