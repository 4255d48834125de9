"""Recorded runs are listed, redone and stored by one command."""

import json
import sys
from types import ModuleType

import pytest

from companion.models.roles import chosen_source
from companion.pocket.experiments import __main__ as command


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """An experiment named ``doubling`` that is in the package for the time of a test."""
    module = ModuleType("companion.pocket.experiments.doubling")
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
