"""Recorded runs are listed, redone and stored by one command."""

import json
import subprocess
import sys
from types import ModuleType

import pytest
from _experiments import _command as command

from companion.models.roles import chosen_source


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """An experiment named ``doubling`` that is in the package for the time of a test."""
    module = ModuleType("_experiments.doubling")
    module.measure = lambda *, scale: {"value": 2 * scale}
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "doubling.py").write_text('"""Double a number.\n\nMore."""\n')
    monkeypatch.setattr(command, "HERE", tmp_path)
    return module


def test_experiments_are_listed_with_their_first_line(experiment):
    assert command.experiments() == {"doubling": "Double a number."}


def test_a_record_has_what_was_measured_with_date_hardware_and_time(experiment, tmp_path):
    target = command.redo("doubling", hardware="an abacus", scale=0.5, folder=tmp_path)

    record = json.loads(target.read_text())
    assert target == tmp_path / "doubling.json"
    assert record["value"] == 1.0
    assert record["hardware"] == "an abacus"
    assert record["date"].count("-") == 2
    assert record["seconds"] >= 0


def test_a_record_is_about_pocket_models_whatever_the_pages_take(experiment, tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_MODELS", "open")
    experiment.measure = lambda *, scale: {"source": chosen_source()}

    assert command.main(["doubling", "--out", str(tmp_path)]) == 0

    assert json.loads((tmp_path / "doubling.json").read_text())["source"] == "pocket"


def test_a_failed_run_keeps_the_old_record(experiment, tmp_path, capsys):
    command.redo("doubling", hardware="an abacus", folder=tmp_path)

    def fail(*, scale):
        raise ValueError("the abacus broke")

    experiment.measure = fail

    assert command.main(["doubling", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "the abacus broke\n"
    assert json.loads((tmp_path / "doubling.json").read_text())["value"] == 2.0
    assert not list(tmp_path.glob("*.partial"))


def test_without_a_name_the_experiments_are_listed(experiment, capsys):
    assert command.main([]) == 0
    assert "Double a number." in capsys.readouterr().out


def test_an_unknown_experiment_is_refused(experiment, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["tripling"])
    assert "invalid choice: 'tripling'" in capsys.readouterr().err


def test_ctrl_c_leaves_the_record(experiment, tmp_path, capsys):
    def interrupt(*, scale):
        raise KeyboardInterrupt

    experiment.measure = interrupt

    assert command.main(["doubling", "--out", str(tmp_path)]) == 130
    assert "unchanged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scale", "nan"], "--scale must be a number above 0, got nan"),
        (["--scale", "-1"], "--scale must be a number above 0, got -1.0"),
        (["--scale", "0.5"], "a trial must not replace the record"),
        (["--out", "nowhere"], "--out must be a folder that exists, got 'nowhere'"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(experiment, capsys, options, said):
    del experiment.measure

    with pytest.raises(SystemExit, match="2"):
        command.main(["doubling", *options])

    assert said in capsys.readouterr().err


@pytest.mark.parametrize("folder", [".", "book", "book/_experiments"])
def test_the_command_starts_from_any_folder(folder):
    here = command.HERE.parents[1] / folder

    done = subprocess.run(
        [sys.executable, str(command.HERE), "--help"],
        cwd=here,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "scaling" in done.stdout
