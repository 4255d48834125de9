"""One name space for the cells of a submission; a statement that fails takes no other along."""

import asyncio
import os
import sys

import pytest

from companion.exercises import attempts
from companion.exercises.grading import history
from companion.exercises.grading.session import Notebook


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A session, which puts everything of this process back where it was."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.chdir(tmp_path)
    made = Notebook(str(tmp_path), attempts, history, 5.0)
    made.begin(attempts.Budget(20.0, 20.0))
    yield made
    if made._loop is not None:
        made._loop.close()
        asyncio.set_event_loop(None)


def run(session, source, *, file="a.ipynb", script=False):
    return session.run_cell({"source": source, "file": file, "script": script})


def test_a_statement_that_fails_takes_no_other_along(session):
    errors = run(session, "x = 1\ny = 1 / 0\nimport no_such_module, math\nz = x + 1\n")

    assert (session.space["x"], session.space["z"]) == (1, 2)
    assert session.space["math"].pi > 3
    assert [error.partition(":")[0] for error in errors] == ["line 2", "line 3"]
    assert "ZeroDivisionError" in errors[0]
    assert "No module named 'no_such_module'" in errors[1]


def test_a_cell_that_is_no_python_is_named_as_a_whole(session):
    (error,) = run(session, "x = 1\ndef f(:\n")

    assert error.startswith("the whole cell: SyntaxError: ")
    assert error.endswith(", line 2")
    assert "x" not in session.space


def test_cells_share_their_names_and_what_comes_from_the_future(session):
    assert run(session, "from __future__ import annotations") == []
    assert run(session, "def f(x: Nowhere) -> Nothing: return x") == []

    assert session.space["f"].__annotations__ == {"x": "Nowhere", "return": "Nothing"}


def test_await_works_at_the_top_of_a_cell_and_tasks_go_on_between_cells(session):
    slow = "import asyncio\nasync def f(): await asyncio.sleep(0); done.append(1); return 7"

    assert run(session, f"done = []\n{slow}\nx = await f()\ntask = asyncio.create_task(f())") == []

    assert session.space["x"] == 7
    assert session.space["done"] == [1, 1]


def test_the_value_of_a_cell_is_remembered_unless_it_is_hidden(session):
    run(session, "2 + 3")
    run(session, "7;")

    assert session.space["_"] == 5
    assert session.space["Out"] == {1: 5}


def test_the_source_of_a_function_can_be_inspected(session):
    source = "def f():\n    return 1\n"
    run(session, f"{source}import inspect\ntext = inspect.getsource(f)")

    assert session.space["text"] == source


def test_a_script_knows_its_file_and_starts_in_its_folder(session, tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "beside.py").write_text("x = 7\n")

    errors = run(session, "import beside\nplace = __file__", file="part/hw.py", script=True)

    assert errors == []
    assert session.space["place"] == str(tmp_path / "part" / "hw.py")
    assert os.getcwd() == str((tmp_path / "part").resolve())
    run(session, "", file="b.ipynb")
    assert "__file__" not in session.space
    assert os.getcwd() == str(tmp_path.resolve())
    sys.modules.pop("beside", None)


def test_one_statement_and_all_of_them_have_a_time_limit(session):
    session.seconds = 0.1
    (stopped,) = run(session, "while True: pass")
    session.begin(attempts.Budget(0.0, 0.0))
    (late,) = run(session, "x = 1\ny = 2")

    assert stopped == "line 1: stopped after 0.1 s"
    assert late == "line 1: not run, the time for all cells was over"


def test_few_errors_of_a_cell_are_kept(session):
    assert len(run(session, "1 / 0\n" * 50)) == 20
