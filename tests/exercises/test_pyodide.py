"""The exercises in Python for browsers, here run by node: as in CPython, to the letter."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from companion.exercises import catalog
from companion.exercises.exercise import CodeExercise
from companion.exercises.judging import judge

ROOT = Path(__file__).parents[2]
VENDORED = ROOT / "book" / "_static" / "vendor" / "pyodide"
sys.path.insert(0, str(ROOT / "book" / "_tools"))

from exercise_runtime import NUMPY, companion_zip, sources  # noqa: E402

ELSEWHERE = {"lora-layer"}  # needs torch, which there is not for browsers
PROGRAM = """
import json, sys
from companion.exercises import catalog
from companion.exercises.exercise import CodeExercise
from companion.exercises.judging import judge

told = {"platform": sys.platform}
for exercise in (catalog.find(name) for name in catalog.ids() if name not in ELSEWHERE):
    if isinstance(exercise, CodeExercise):
        answers = [exercise.solution, *(wrong.answer for wrong in exercise.wrong)]
        told[exercise.id] = [repr(judge(exercise, answer)) for answer in answers]
json.dumps(told)
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What Python for browsers says of each solution and each known wrong answer."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so Python for browsers can't be run here")
    folder = tmp_path_factory.mktemp("pyodide")
    (folder / "companion.zip").write_bytes(companion_zip())
    program = PROGRAM.replace("ELSEWHERE", repr(ELSEWHERE))
    (folder / "program.py").write_text(program, encoding="utf-8")
    script = Path(__file__).with_name("pyodide.cjs")
    command = ["node", script, f"{VENDORED}/", folder / "companion.zip", folder / "program.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_it_is_python_for_browsers(told):
    assert told["platform"] == "emscripten"
    assert len(told) > 60


@pytest.mark.parametrize(
    "exercise",
    [one for one in catalog.all_exercises() if isinstance(one, CodeExercise)],
    ids=lambda one: one.id,
)
def test_solution_and_wrong_answers_get_the_same_words_as_here(exercise, told):
    if exercise.id in ELSEWHERE:
        assert exercise.id not in told
        return
    right, *wrong = told[exercise.id]

    assert right == repr(judge(exercise, exercise.solution))
    assert wrong == [repr(judge(exercise, one.answer)) for one in exercise.wrong]
    assert all(f"{exercise.id}: right" in text for text in [right])
    assert not any(f"{exercise.id}: right" in text for text in wrong)


def test_the_vendored_files_are_those_that_were_fetched():
    lines = (VENDORED / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name.lstrip("*"): digest for digest, name in (line.split(" ", 1) for line in lines)}

    named = {path.name for path in VENDORED.iterdir()} - {"README.txt", "SHA256SUMS"}
    assert set(sums) == named
    for name, digest in sums.items():
        content = (VENDORED / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
        assert len(content) < 12e6


def test_numpy_is_the_build_that_pyodide_names():
    lock = json.loads((VENDORED / "pyodide-lock.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((VENDORED / NUMPY).read_bytes()).hexdigest()

    assert lock["info"]["version"] == "0.27.7"
    assert lock["packages"]["numpy"]["file_name"] == NUMPY
    assert lock["packages"]["numpy"]["sha256"] == digest


def test_the_archive_is_always_the_same_and_has_no_grader():
    names = [name for name, _ in sources()]

    assert companion_zip() == companion_zip()
    assert len(set(names)) == len(names)
    assert not any("/grading/" in name for name in names)
    assert "companion/exercises/browser.py" in names
