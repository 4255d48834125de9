"""Who died, what is kept, how to go on."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous.api import RendezvousError

from companion.training.processes import launch as launch_module
from companion.training.processes.launch import (
    LOST,
    REFUSED,
    culprit,
    described,
    farewell,
    is_loss,
    launch,
)
from companion.training.processes.world import World


def failure(exitcode: int, timestamp: int = 0) -> SimpleNamespace:
    return SimpleNamespace(
        exitcode=exitcode, timestamp=timestamp, signal_name=lambda: f"SIG{-exitcode}"
    )


def test_the_one_that_failed_by_itself_is_named() -> None:
    failures = {0: failure(LOST, 1), 1: failure(-9, 3), 2: failure(LOST, 2)}

    assert culprit(failures)[0] == 1
    assert culprit({0: failure(1, 5), 3: failure(1, 4)})[0] == 3
    assert culprit({0: failure(-15, 1), 1: failure(REFUSED, 2)})[0] == 1  # torchrun ends the others
    assert culprit({0: failure(-15, 2), 1: failure(-15, 1)})[0] == 1


@pytest.mark.parametrize(
    ("exitcode", "sentence"),
    [
        (-9, "Process 1 of 4 was killed (SIG9), and the run ended."),
        (1, "Process 1 of 4 failed with exit status 1 (see above), and the run ended."),
        (LOST, "Process 1 of 4 lost a process on another machine, and the run ended."),
    ],
)
def test_how_a_process_ended_is_said(exitcode: int, sentence: str) -> None:
    assert described(1, failure(exitcode), 4) == sentence


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RuntimeError("[../gloo/transport/tcp/pair.cc:553] Connection closed by peer"), True),
        (torch.distributed.DistNetworkError("the store is gone"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_a_lost_process_is_told_from_a_mistake(error: RuntimeError, lost: bool) -> None:
    assert is_loss(error) is lost


def test_a_mistake_of_this_process_is_passed_on(tmp_path: Path) -> None:
    world = World(0, 2, torch.device("cpu"))

    with pytest.raises(RuntimeError, match="a mistake"), farewell(world, tmp_path):
        raise RuntimeError("a mistake")


def test_the_loss_of_another_process_ends_this_one_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(launch_module, "PATIENCE", 0)
    world = World(0, 2, torch.device("cpu"))

    with pytest.raises(SystemExit) as caught, farewell(world, tmp_path):
        raise RuntimeError("gloo: Connection closed by peer")

    assert caught.value.code == LOST
    assert "Process 0 of 2: another process is gone." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"processes": 0}, "processes must be a whole number from 1, got 0"),
        ({"processes": 8, "nodes": 2}, "2 machines need a rendezvous"),
    ],
)
def test_a_launch_that_can_not_work_is_refused(
    options: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        launch("companion", [], folder=tmp_path, **options)


def test_machines_that_do_not_meet_are_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def apart(_: object) -> None:
        raise RendezvousError("nobody answers")

    monkeypatch.setattr(torchrun, "run", apart)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    status = launch(
        "a.module", ["--x"], processes=8, nodes=2, rendezvous="first:29500", folder=tmp_path
    )

    assert status == 1
    errors = capsys.readouterr().err
    assert "The machines did not meet at first:29500: nobody answers." in errors
    assert "python -m a.module --x" in errors


def test_a_process_that_is_refused_has_said_it_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: object) -> None:
        error = ChildFailedError.__new__(ChildFailedError)  # its text wants files of a report
        error.failures = {0: failure(REFUSED, 1)}
        raise error

    monkeypatch.setattr(torchrun, "run", refused)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    assert launch("a.module", [], processes=2, folder=tmp_path) == REFUSED
    assert capsys.readouterr().err == ""
