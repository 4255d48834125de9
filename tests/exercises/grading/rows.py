"""Rows of one exercise, as the grader makes them, and who they are of."""

from companion.exercises import catalog
from companion.exercises.grading.student import Student
from companion.exercises.grading.submission import Submission

MASK = [catalog.find("causal-mask")]


def row(share=1.0, **more):
    """A row of one exercise."""
    one = {"state": "right" if share else "wrong", "share": share, "wrong": None, "text": "said"}
    made = {"status": "graded", "isolation": "bubblewrap", "code": True, "notes": [], "lost": []}
    return {**made, "ending": "", "exercises": {"causal-mask": one}, **more}


def submission(name, student=Student()):  # noqa: B008, it can't be changed
    return Submission(name, ((name, name),), student=student)
