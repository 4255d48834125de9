"""The result of one submission, for platforms that run a grader each time somebody hands in.

Gradescope reads ``/autograder/results/results.json``, in the format of its autograder
specifications. GitHub Classroom's reporter reads JSON in base64 from the output of a step. What is
said here is what a student's feedback says, and that shows values of the cases that went wrong. A
student who may hand in again could write them into the answer. So the cases of such a run are drawn
from the seed and the files together: other files get other cases, the same files the same grade.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from companion._files import write_whole
from companion.exercises.exercise import Exercise
from companion.exercises.grading.results import Row, clean, said, total

_NOT_JUDGED = "This could not be judged. Ask your teacher to have it graded again."


def write_results_json(path: Path, row: Row, exercises: Sequence[Exercise]) -> None:
    """Write ``results.json`` for Gradescope.

    Args:
        path: The file; Gradescope wants ``/autograder/results/results.json``.
        row: What the grader says of the submission.
        exercises: What was graded.
    """
    write_whole(path, json.dumps(gradescope(row, exercises), indent=1) + "\n")


def write_classroom_json(path: Path, row: Row, exercises: Sequence[Exercise]) -> None:
    """Write the result for GitHub Classroom's reporter; a step passes it on in base64."""
    write_whole(path, json.dumps(classroom(row, exercises)) + "\n")


def gradescope(row: Row, exercises: Sequence[Exercise]) -> dict[str, Any]:
    """Return the content of ``results.json``: one test for each exercise."""
    return {
        "score": round(total(row, exercises), 4),
        "output": _about(row),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": exercise.title,
                "score": points,
                "max_score": exercise.points,
                "status": "passed" if points == exercise.points else "failed",
                "output": text,
                "output_format": "text",
                "tags": [exercise.id],
            }
            for exercise, points, text in _marks(row, exercises)
        ],
    }


def classroom(row: Row, exercises: Sequence[Exercise]) -> dict[str, Any]:
    """Return what GitHub Classroom's reporter adds up: one test for each exercise."""
    tests = [
        {
            "name": exercise.title,
            "status": "pass" if points == exercise.points else "fail",
            "message": None if points == exercise.points else text,
            "score": points,
            "test_code": f'ex.check("{exercise.id}", {exercise.variable})',
            "filename": "",
            "line_no": 0,
            "execution_time": 0,
        }
        for exercise, points, text in _marks(row, exercises)
    ]
    passed = all(test["status"] == "pass" for test in tests)
    state = "error" if row["status"] == "not judged" else "pass" if passed else "fail"
    most = sum(exercise.points for exercise in exercises)
    return {"version": 1, "status": state, "max_score": most, "tests": tests}


def _marks(row: Row, exercises: Sequence[Exercise]) -> list[tuple[Exercise, float, str]]:
    """Return each exercise with its points and what is said about it."""
    graded: Mapping[str, Any] = row["exercises"]
    nothing = {"share": 0.0, "text": _about(row)}
    marks = [(exercise, graded.get(exercise.id, nothing)) for exercise in exercises]
    return [
        (exercise, round(mark["share"] * exercise.points, 4), clean(mark["text"], 20_000))
        for exercise, mark in marks
    ]


def _about(row: Row) -> str:
    """Return what is to be said about the submission as a whole."""
    first = [_NOT_JUDGED] if row["status"] == "not judged" else []
    return clean("\n".join([*first, *said(row)]), 20_000)
