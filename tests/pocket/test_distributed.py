"""The command: a process that dies or is stopped, and runs in two processes that equal one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from companion._claim import claimed
from companion.pocket.distributed import MODULE, main
from companion.training.processes.parent import GONE
from companion.training.processes.progress import steps_done

ROOT = Path(__file__).parents[2]
STEPS = 30


def command(*arguments: str, out: Path) -> list[str]:
    return [sys.executable, "-m", MODULE, *arguments, "--out", str(out)]


def started(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def finished(arguments: list[str]) -> None:
    process = started(arguments)
    _, errors = process.communicate(timeout=280)
    assert process.returncode == 0, errors[-3000:]


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def wait_for_steps(out: Path, count: int) -> None:
    deadline = time.monotonic() + 200
    log = out / "log.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < count:
        assert time.monotonic() < deadline, "the run does not begin"
        time.sleep(0.05)


def of_rank(launcher: int, rank: int) -> psutil.Process:
    (found,) = [
        child
        for child in psutil.Process(launcher).children(recursive=True)
        if child.environ().get("RANK") == str(rank)
    ]
    return found


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    out = tmp_path_factory.mktemp("one")
    finished(command("pretrain", "--processes", "1", "--steps", str(STEPS), out=out))
    return losses(out)


@pytest.mark.slow
def test_a_killed_process_ends_the_run_and_it_goes_on_to_the_same_losses(
    one: list[float], tmp_path: Path
) -> None:
    """First one of the two, then what has started them."""
    out = tmp_path / "two"
    line = command("pretrain", "--sharing", "fsdp", "--steps", str(STEPS), out=out)
    line += ["--save-every", "2"]
    process = started(line)
    wait_for_steps(out, 4)

    of_rank(process.pid, 1).kill()
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 128 + signal.SIGKILL
    assert "Process 1 of 2 was killed (SIGKILL)" in errors
    assert f"{out} has the checkpoint of step" in errors
    assert f"python -m {MODULE} pretrain --sharing fsdp" in errors
    assert len(losses(out)) < STEPS
    process = started(line)
    wait_for_steps(out, len(losses(out)) + 2)
    ranks = [of_rank(process.pid, rank) for rank in (0, 1)]

    process.kill()

    _, alive = psutil.wait_procs(ranks, timeout=60)
    assert not [rank for rank in alive if rank.status() != psutil.STATUS_ZOMBIE]
    assert GONE in process.communicate()[1]
    assert steps_done(out) == len(losses(out)) < STEPS  # saved, and the folder is free
    finished(line)
    assert losses(out) == pytest.approx(one, abs=1e-5)
    assert (out / "model" / "model.safetensors").exists()


@pytest.mark.slow
def test_ctrl_c_saves_the_step_that_was_done(one: list[float], tmp_path: Path) -> None:
    out = tmp_path / "two"
    line = command("pretrain", "--steps", str(STEPS), "--save-every", "99", out=out)
    process = started(line)
    wait_for_steps(out, 2)

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 130
    assert f"Stopped. {out} has the checkpoint of step {len(losses(out))}" in errors
    assert "Traceback" not in errors
    finished(line)
    assert losses(out) == pytest.approx(one, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("sharing", ["ddp", "fsdp"])
def test_fine_tuning_has_the_losses_of_one_process(sharing: str, tmp_path: Path) -> None:
    arguments = ("sft", "--steps", "3", "--sharing", sharing)
    for processes in ("1", "2"):
        finished(command(*arguments, "--processes", processes, out=tmp_path / processes))

    alone, shared = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert shared == pytest.approx(alone, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("sharing", ["ddp", "fsdp"])
def test_rollouts_are_those_of_one_process(sharing: str, tmp_path: Path) -> None:
    for processes in ("1", "2"):
        line = command("rollouts", "--processes", processes, out=tmp_path / processes)
        finished([*line, "--count", "5", "--sharing", sharing])

    alone, shared = (tmp_path / name / "rollouts.jsonl" for name in ("1", "2"))
    assert len(alone.read_text().splitlines()) == 5
    assert alone.read_bytes() == shared.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--processes", "0"], "processes must be a whole number from 1, got 0"),
        (["--steps", "0"], "steps must be a whole number from 1, got 0"),
        (["--save-every", "-1"], "from 1, got -1"),
        (["--nodes", "2"], "2 machines need a rendezvous"),
    ],
)
def test_what_can_not_be_started_is_refused(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pretrain", "--out", str(tmp_path / "out"), *arguments]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.json").write_text(
        json.dumps({"step": 1, "parts": "step-000001", "recipe": {"task": "sft"}})
    )

    status = main(["pretrain", "--processes", "1", "--steps", "1", "--out", str(tmp_path)])

    assert status == 2
    assert "belongs to another recipe" in capsys.readouterr().err


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("task", ["pretrain", "rollouts"])
def test_a_folder_that_another_run_writes_is_refused_at_once(
    task: str, processes: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with claimed(tmp_path):
        assert main([task, "--processes", processes, "--out", str(tmp_path)]) == 2

    said = capsys.readouterr().err
    assert f"is being written by process {os.getpid()} on" in said
    assert "delete" not in said.lower()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_the_place_of_the_folder_is_said_before_anything_starts(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")

    assert main(["pretrain", "--out", str(tmp_path / name)]) == 2

    assert "file is a file; name a folder" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
def test_processes_that_are_refused_give_no_advice_to_start_again(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").write_text(
        json.dumps({"step": 1, "parts": "step-000001", "recipe": {"task": "sft"}})
    )

    process = started(command("pretrain", "--steps", "1", out=tmp_path))
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 2
    assert errors.count("belongs to another recipe") == 1
    assert "To go on" not in errors
