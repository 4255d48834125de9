"""The result of one submission, as Gradescope and GitHub Classroom read it."""

import base64
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from companion.__main__ import main
from companion.exercises import catalog
from companion.exercises.grading.hand_in import classroom, gradescope
from tests.exercises.classroom import RIGHT, SUBMISSIONS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a Unix system")
ROOT = Path(__file__).parents[3]
ACTION = ROOT / ".github" / "actions" / "grade" / "action.yml"
CHOSEN = [catalog.find(name) for name in ("causal-mask", "attention-head")]
NAMES = ["--exercises", "causal-mask", "attention-head"]
# The keys of Gradescope's autograder specifications, and of one test there.
TOP = {"score", "execution_time", "output", "output_format", "test_output_format"}
TOP |= {"test_name_format", "visibility", "stdout_visibility", "extra_data", "tests", "leaderboard"}
TEST = {"score", "max_score", "status", "name", "name_format", "number", "output", "output_format"}
TEST |= {"tags", "visibility", "extra_data"}

SPY = """import numpy as np
def attention(*given):
    raise ValueError(f"called with {np.asarray(given[0]).tolist()}")
"""


@pytest.fixture
def work(tmp_path):
    """A folder with one submission, where one exercise is right and one wrong."""
    (tmp_path / "work" / "submission").mkdir(parents=True)
    source = SUBMISSIONS["future.py"][0]
    (tmp_path / "work" / "submission" / "answers.py").write_text(source)
    return tmp_path


def grade(work, *options):
    out, seed = str(work / "grades.csv"), "a long secret"
    return main(["grade", str(work / "work"), "--out", out, "--seed", seed, *NAMES, *options])


def row(**changes):
    return {
        "status": "graded", "notes": [], "lost": [], "ending": "", "code": True, "isolation": "",
        "exercises": {}, **changes,
    }  # fmt: skip


def test_gradescope_gets_a_test_for_each_exercise(work):
    assert grade(work, "--results-json", str(work / "results.json")) == 0

    results = json.loads((work / "results.json").read_text())
    mask, attention = results["tests"]
    assert results.keys() <= TOP
    assert all(test.keys() <= TEST for test in results["tests"])
    assert results["score"] == pytest.approx(2 + 1 / 3, abs=1e-3)
    assert results["score"] == pytest.approx(mask["score"] + attention["score"])
    assert (mask["name"], mask["max_score"], mask["status"]) == ("The causal mask", 1, "failed")
    assert (attention["score"], attention["status"]) == (2, "passed")
    assert "That is the upper triangle" in mask["output"]
    assert "called with" not in mask["output"]  # hidden cases stay hidden


def test_classroom_gets_points_that_its_reporter_can_add(work):
    assert grade(work, "--classroom-json", str(work / "result.json")) == 0

    result = json.loads((work / "result.json").read_text())
    assert (result["version"], result["status"], result["max_score"]) == (1, "fail", 3)
    assert [test["status"] for test in result["tests"]] == ["fail", "pass"]
    assert sum(test["score"] for test in result["tests"]) == pytest.approx(2 + 1 / 3, abs=1e-3)
    assert result["tests"][1]["message"] is None


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"status": "unreadable", "notes": ["no notebook"]}, "fail", "no notebook"),
        ({"status": "not judged", "notes": ["E\0"]}, "error", "could not be judged"),
    ],
)
def test_what_was_not_graded_has_no_points_and_a_reason(changes, status, says):
    results, result = gradescope(row(**changes), CHOSEN), classroom(row(**changes), CHOSEN)

    assert results["score"] == 0
    assert says in results["output"]
    assert all(says in test["output"] for test in results["tests"])
    assert "\0" not in json.loads(json.dumps(results))["output"]
    assert result["status"] == status
    assert sum(test["score"] for test in result["tests"]) == 0


def test_a_class_is_refused_where_one_submission_is_asked_for(work, capsys):
    (work / "work" / "other.py").write_text(RIGHT)

    assert grade(work, "--results-json", str(work / "results.json")) == 1

    assert "is about one submission" in capsys.readouterr().err
    assert not (work / "results.json").exists()


def test_the_action_grades_a_checkout_and_hands_on_the_result(tmp_path):
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    step = next(step for step in action["runs"]["steps"] if step.get("id") == "grade")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "answers.py").write_text(RIGHT)
    output = tmp_path / "output"
    environment = {
        **os.environ, "SEED": "a long secret", "EXERCISES": "causal-mask attention-head",
        "SECTION": "", "GITHUB_WORKSPACE": str(checkout), "GITHUB_OUTPUT": str(output),
        "RUNNER_TEMP": str(tmp_path), "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip

    subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=True, timeout=200)

    name, encoded = output.read_text().strip().split("=", 1)
    result = json.loads(base64.b64decode(encoded))
    assert name == "result"
    assert (result["status"], result["max_score"]) == ("pass", 3)
    assert set(step["env"]) == {"SEED", "EXERCISES", "SECTION"}
    assert action["outputs"]["result"]["value"] == "${{ steps.grade.outputs.result }}"


def test_the_action_passes_no_input_as_code():
    text = ACTION.read_text(encoding="utf-8")
    scripts = re.findall(r"run: \|\n((?:        .*\n|\n)+)", text)

    assert scripts
    assert not any("${{" in script for script in scripts)


def test_cases_that_feedback_shows_are_those_of_these_files_only(work):
    answers = work / "work" / "submission" / "answers.py"
    told = []
    for source in (SPY, SPY, f"# again\n{SPY}"):
        answers.write_text(source)
        assert grade(work, "--results-json", str(work / "results.json")) == 0
        told.append(json.loads((work / "results.json").read_text())["tests"][1]["output"])

    first, same, other = told
    assert "called with [[" in first
    assert first == same != other
