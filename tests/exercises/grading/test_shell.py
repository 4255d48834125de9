"""What stands for IPython while grading: magics that run Python do it, commands do not run."""

import builtins
import sys

import pytest

from companion.exercises.grading import shell
from companion.exercises.grading.shell import Shell


@pytest.fixture
def space():
    return {}


@pytest.fixture
def gone():
    """Names of files that made way."""
    return []


@pytest.fixture
def made(space, gone):
    return Shell(space, gone.extend)


@pytest.mark.parametrize(
    ("name", "line", "value"), [("time", "2 + 3", 5), ("time", "x = 2 + 3", None)]
)
def test_time_returns_the_value_of_an_expression(made, name, line, value):
    assert made.run_line_magic(name, line) == value


def test_code_of_magics_changes_the_names_of_the_notebook(made, space):
    made.run_line_magic("prun", "x = 1")
    made.magic("%time y = x + 1")
    made.run_cell_magic("prun", "", "z = x + y")

    assert (space["x"], space["y"], space["z"]) == (1, 2, 3)
    assert made.take_notes() == []


def test_timeit_keeps_no_name_and_returns_a_timing_when_asked(made, space):
    assert made.run_line_magic("timeit", "-n 10 -r 3 x = 1") is None
    timing = made.run_line_magic("timeit", "-o -n 10 x = 1")
    made.run_cell_magic("timeit", "-n 1 a = 2", "b = a + 1")

    assert "x" not in space
    assert "b" not in space
    assert timing.best == timing.average == timing.all_runs[0] >= 0


@pytest.mark.parametrize(
    ("act", "note"),
    [
        (lambda one: one.system("ls -l"), "!ls -l is not run while grading"),
        (lambda one: one.getoutput("ls"), "!ls is not run while grading"),
        (lambda one: one.run_cell_magic("bash", "", "ls"), "%%bash is not run while grading"),
        (lambda one: one.run_line_magic("run", "x.ipynb"), "%run x.ipynb is not run"),
        (lambda one: one.run_line_magic("sql", "select"), "%sql does nothing while grading"),
    ],
)
def test_what_is_not_run_is_noted_once(made, act, note):
    act(made)

    (said,) = made.take_notes()
    assert said.startswith(note)
    assert made.take_notes() == []


@pytest.mark.parametrize(
    "act",
    [
        lambda one: one.system("pip install numpy"),
        lambda one: one.system("  conda install numpy"),
        lambda one: one.run_line_magic("matplotlib", "inline"),
        lambda one: one.run_line_magic("load_ext", "autoreload"),
        lambda one: one.events.register("post_run_cell", print),
    ],
)
def test_what_nobody_misses_is_not_noted(made, act):
    act(made)

    assert made.take_notes() == []


def test_few_notes_are_kept(made):
    for number in range(50):
        made.system(f"ls {number}")

    assert len(made.take_notes()) == 5


def test_a_file_that_is_written_makes_way_for_itself(made, gone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    made.run_cell_magic("writefile", "own.py", "x = 1\n")
    made.run_cell_magic("writefile", "-a own.py", "y = 2\n")

    assert (tmp_path / "own.py").read_text() == "x = 1\ny = 2\n"
    assert gone == ["own.py", "own.py"]


def test_a_script_is_run_and_folders_and_variables_are_changed(made, space, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    monkeypatch.setenv("HERE", "before")
    (tmp_path / "own.py").write_text("x = 7\n")

    made.run_line_magic("cd", f"'{tmp_path}'")
    made.run_line_magic("run", "-i own.py")
    made.run_line_magic("env", "HERE=after")

    assert made.run_line_magic("pwd") == str(tmp_path.resolve())
    assert space["x"] == 7
    assert made.run_line_magic("env", "HERE") == "after"


def test_nothing_takes_everything_and_is_nothing():
    nothing = shell.Nothing()

    assert not nothing.any_name(1, x=2).other
    assert list(nothing) == []
    assert "x" not in nothing
    with pytest.raises(AttributeError):
        _ = nothing.__array__  # or numpy would take it for an array


def test_display_shows_nothing_and_gives_a_handle_when_asked():
    assert shell.display(1) is None
    assert shell.display(1, display_id=True).display_id == "display"
    assert shell.display(1, display_id="a").display_id == "a"
    assert str(Shell({}, print).captured()) == ""


def test_install_makes_known_what_a_notebook_has_without_an_import(monkeypatch):
    for name in ("get_ipython", "display"):
        monkeypatch.setattr(builtins, name, None, raising=False)
    for name in ("help", "exit", "quit"):
        monkeypatch.setattr(builtins, name, getattr(builtins, name))
    for name in ("IPython.core.getipython", "IPython.core.display_functions"):
        monkeypatch.setitem(sys.modules, name, None)

    installed = shell.install({}, print)

    assert builtins.get_ipython() is installed
    assert builtins.display is shell.display
    assert builtins.help(print) is None
    assert sys.modules["IPython.core.getipython"].get_ipython() is installed
    with pytest.raises(SystemExit):
        builtins.exit()
