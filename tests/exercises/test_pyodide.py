"""The exercises in Python for browsers, here run by node: as in CPython, to the letter."""

import hashlib
import io
import json
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from companion.exercises import catalog
from companion.exercises.browser import check
from companion.exercises.exercise import CodeExercise, NumericExercise, OutputExercise
from companion.exercises.judging import judge
from tests.exercises.test_integers import EXPRESSIONS, shown

ROOT = Path(__file__).parents[2]
VENDORED = ROOT / "book" / "_static" / "vendor" / "pyodide"
sys.path.insert(0, str(ROOT / "book" / "_tools"))

from exercise_bytecode import bytecode, run_in_pyodide  # noqa: E402
from exercise_runtime import (  # noqa: E402
    BYTECODE,
    NUMPY,
    companion_sources,
    companion_zip,
    compiled,
    library_zip,
)

ELSEWHERE = {"lora-layer"}  # needs torch, which there is not for browsers
CACHE = "llama-2-cache"
MASK = "def causal_mask(length): return "
ANSWERS = [  # and whether the page explains that an integer was too short
    (CACHE, "llama_2_cache = np.prod([2, 32, 32, 128, 4096, 2]) / 2**30", False),
    (CACHE, "llama_2_cache = np.array([2, 32, 32, 128, 4096, 2]).prod() / 2**30", False),
    ("seven-billion-4-bit", "seven_billion_4_bit = np.prod([7, 10**9, 4]) / 8 / 10**9", False),
    ("causal-mask", MASK + "np.tril(np.ones((length, length))).astype(int)", False),
    ("causal-mask", MASK + "np.ones((3, 3), dtype=int)", False),
    (CACHE, "llama_2_cache = (np.arange(5) > 2).sum() * 2**30 * 3", True),
    (CACHE, "llama_2_cache = (np.arange(5) > 2).sum() * 2**31", True),
    (CACHE, "llama_2_cache = (np.arange(5) > 2).sum() + 2**31", True),
    ("causal-mask", MASK + "np.ones(length).take(np.array([0]))", True),
    ("causal-mask", MASK + "(np.arange(length) >= 0).sum() * 10**10", True),
]
PROGRAM = """
import json, sys
from companion.exercises import catalog
from companion.exercises.exercise import CodeExercise, NumericExercise, OutputExercise
import numpy as np
from companion.exercises import browser
from companion.exercises.integers import widen
from companion.exercises.judging import judge

widen()
widen()
told = {"platform": sys.platform, "integers": [repr(eval(one)) for one in EXPRESSIONS]}


def say(exercise, answer):
    said = []
    asked = {"exercise": exercise, "answer": answer, "imports": "import numpy as np"}
    browser.check(json.dumps(asked), lambda text: said.append(json.loads(text)))
    return said[-1].get("trouble") or said[-1]["verdict"]["text"]


told["said"] = [say(*one) for one in ANSWERS]
for exercise in (catalog.find(name) for name in catalog.ids() if name not in ELSEWHERE):
    if isinstance(exercise, CodeExercise):
        answers = [exercise.solution, *(wrong.answer for wrong in exercise.wrong)]
    elif isinstance(exercise, NumericExercise):
        answers = [exercise.compute()]
    elif isinstance(exercise, OutputExercise):
        answers = [exercise.output()]
    else:
        continue
    told[exercise.id] = [repr(judge(exercise, answer)) for answer in answers]
json.dumps(told)
"""


@pytest.fixture(scope="module")
def told():
    """What Python for browsers says of each solution and each known wrong answer."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so Python for browsers can't be run here")
    program = PROGRAM.replace("ELSEWHERE", repr(ELSEWHERE)).replace(
        "EXPRESSIONS", repr(EXPRESSIONS)
    )
    program = program.replace("ANSWERS", repr([answer[:2] for answer in ANSWERS]))
    return json.loads(run_in_pyodide(program))


def test_it_is_python_for_browsers(told):
    assert told["platform"] == "emscripten"
    assert len(told) > 60


def test_integers_are_those_of_a_notebook(told):
    there = dict(zip(EXPRESSIONS, told["integers"], strict=True))

    assert there == dict(zip(EXPRESSIONS, shown(), strict=True))


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_an_answer_of_integers_is_judged_as_in_a_notebook_or_the_difference_is_told(number, told):
    exercise, answer, explained = ANSWERS[number]
    said = []
    asked = {"exercise": exercise, "answer": answer, "imports": "import numpy as np"}
    check(json.dumps(asked), lambda text: said.append(json.loads(text)))

    if explained:
        assert (
            "some of NumPy's integers have 32 bits, where a notebook has 64" in told["said"][number]
        )
    else:
        assert told["said"][number] == said[-1]["verdict"]["text"]


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


@pytest.mark.parametrize(
    "exercise",
    [one for one in catalog.all_exercises() if isinstance(one, NumericExercise | OutputExercise)],
    ids=lambda one: one.id,
)
def test_a_number_and_an_output_are_found_in_a_page_too(exercise, told):
    assert told[exercise.id][0].startswith(f"{exercise.id}: right")


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
    names = [name for name, _ in companion_sources()]

    assert companion_zip() == companion_zip()
    assert len(set(names)) == len(names)
    assert not any("/grading/" in name for name in names)
    assert "companion/exercises/browser.py" in names


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_compiled_modules_are_those_of_the_vendored_sources():
    with zipfile.ZipFile(BYTECODE) as archive:
        kept = {f"/{name.removesuffix('c')}": archive.read(name) for name in archive.namelist()}

    made = bytecode()
    stale = sorted(name for name in kept | made if kept.get(name) != made.get(name))
    assert stale == [], "run python book/_tools/exercise_bytecode.py"


def test_the_file_of_compiled_modules_is_the_one_whose_hash_is_beside_it():
    digest = hashlib.sha256(BYTECODE.read_bytes()).hexdigest()

    assert (
        BYTECODE.with_name("SHA256SUMS").read_text(encoding="utf-8")
        == f"{digest} *{BYTECODE.name}\n"
    )


def test_the_library_of_the_site_has_each_module_once_and_what_it_loads_is_compiled():
    vendored = (VENDORED / "python_stdlib.zip").read_bytes()
    made = library_zip(vendored)
    before, after = (zipfile.ZipFile(io.BytesIO(one)).namelist() for one in (vendored, made))
    loaded = dict(compiled("/lib/python312.zip"))

    assert [name.removesuffix("c") for name in after if name.endswith(".pyc")] == [
        name for name in before if PurePosixPath(name) in loaded
    ]
    assert sorted(name.replace(".pyc", ".py") for name in after) == sorted(before)
    assert {"enum.pyc", "asyncio/__init__.pyc"} < set(after)
    assert library_zip(made) == made
