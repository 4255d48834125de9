"""What a page of the site is told about an answer: the same as in a notebook, piece by piece."""

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from companion import exercises as ex
from companion.exercises import browser, catalog
from companion.exercises.exercise import CodeExercise, NumericExercise
from companion.exercises.judging import judge

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_tools"))

from exercise_pages import page_imports

MASK = "def causal_mask(length):\n    return np.tril(np.ones((length, length), dtype=bool))"
IMPORTS = "import math\n\nimport numpy as np"


def messages(name, answer, **more):
    said = []
    request = {"exercise": name, "answer": answer, "imports": IMPORTS, **more}
    browser.check(json.dumps(request), lambda text: said.append(json.loads(text)))
    return said


def verdict(said):
    return said[-1]["verdict"]


def kinds(said):
    return [next(iter(message)) for message in said]


def test_each_outcome_is_said_before_the_verdict():
    said = messages("causal-mask", MASK)

    assert kinds(said) == ["started", "defined", *["outcome"] * 3, "ran", "verdict"]
    assert said[0]["started"] == {"seconds": 2.0, "cases": 3}
    assert verdict(said)["state"] == "right"


@pytest.mark.parametrize("number", range(3))
def test_a_wrong_answer_gets_the_text_of_the_notebook(number):
    exercise = catalog.find("layer-norm")
    wrong = exercise.wrong[number].answer
    source = f"from {wrong.__module__} import {wrong.__name__} as layer_norm"

    told = verdict(messages("layer-norm", source))

    assert told["text"] == repr(judge(exercise, wrong))
    assert told["html"] == judge(exercise, wrong)._repr_html_()


def test_outcomes_that_another_worker_has_said_are_judged_alike():
    said = messages("causal-mask", MASK)
    outcomes = [message["outcome"] for message in said if "outcome" in message]
    late = [outcomes[0], {"state": "timeout"}, {"state": "not run"}]

    again = messages("causal-mask", None, outcomes=outcomes)
    told = verdict(messages("causal-mask", None, outcomes=late))

    assert again == [said[-1]]
    assert told["state"] == "partly right"
    assert "stopped, the time was up: is there a loop that never ends?" in told["text"]
    assert "not run, the time was up" in told["text"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1 /", "SyntaxError"),
        ("x = 1\ny = x / 0", "line 2, in <module>\n    y = x / 0\n"),
        ("raise SystemExit", "SystemExit"),
        ("class E(Exception):\n    def __str__(self): raise self\nraise E", "E"),
        ("raise ValueError('x' * 9_000)", "... xxx"),
    ],
)
def test_code_that_does_not_run_is_shown_with_its_own_lines(source, says):
    said = messages("causal-mask", source)

    assert kinds(said) == ["started", "trouble"]
    assert says in said[-1]["trouble"]
    assert "browser.py" not in said[-1]["trouble"]
    assert len(said[-1]["trouble"]) < 3_100


def test_what_code_prints_is_cut():
    said = messages("causal-mask", "for n in range(99_999): print(n)\n" + MASK)
    printed = "".join(message.get("printed", "") for message in said)

    assert printed.startswith("0\n1\n2\n")
    assert printed.endswith("... More was printed; it is not shown.")
    assert len(printed) < browser.MOST_PRINTED + 50
    assert verdict(said)["state"] == "right"


@pytest.mark.parametrize(
    "source", ["x = 1", "causal_mask = None", catalog.find("causal-mask").stub()]
)
def test_an_answer_that_is_missing_is_not_attempted(source):
    told = verdict(messages("causal-mask", source))

    assert told["state"] == "not attempted"
    assert "this cell" not in told["text"]


@pytest.mark.parametrize(
    ("kind", "what"),
    [("options", "Tick what is right"), ("program", "Write into the field what the program prints"),
     ("key_points", "Write your explanation into the field")],
)  # fmt: skip
def test_a_field_that_is_empty_is_named_as_it_is_on_the_page(kind, what):
    exercise = next(one for one in catalog.all_exercises() if hasattr(one, kind))

    told = verdict(messages(exercise.id, " "))

    assert told["state"] == "not attempted"
    assert f"{what}, then press Check again." in told["text"]
    assert exercise.variable not in told["html"]


def test_code_that_breaks_a_function_of_the_solution_is_itself_the_cause(monkeypatch):
    monkeypatch.setattr(np, "tril", np.tril)  # put back at the end

    told = verdict(messages("causal-mask", "np.tril = None\n" + MASK))

    assert told["state"] == "wrong"
    assert "'NoneType' object is not callable" in told["text"]


@pytest.mark.parametrize("broken", ["dumps = lambda *a, **k: '{}'", "loads = None"])
def test_code_that_breaks_json_is_judged_all_the_same(monkeypatch, broken):
    for name in ("dumps", "loads"):
        monkeypatch.setattr(json, name, getattr(json, name))  # put back at the end
    request = json.dumps({"exercise": "causal-mask", "imports": IMPORTS})
    said, read = [], json.loads
    asked = {**read(request), "answer": f"import json\njson.{broken}\n{MASK}"}

    browser.check(json.dumps(asked), said.append)

    assert read(said[-1])["verdict"]["state"] == "right"


def test_an_interrupt_is_an_error_like_others():
    told = verdict(messages("causal-mask", "def causal_mask(n): raise KeyboardInterrupt"))

    assert told["state"] == "wrong"
    assert "KeyboardInterrupt (line 1 in causal_mask" in told["text"]
    assert "KeyboardInterrupt" in messages("causal-mask", "raise KeyboardInterrupt")[-1]["trouble"]


@pytest.mark.parametrize("end", ["_exit(1)", "abort()"])
def test_in_a_browser_python_is_not_ended(monkeypatch, end):
    monkeypatch.setattr(sys, "platform", "emscripten")
    for name in ("_exit", "abort"):
        monkeypatch.setattr(os, name, getattr(os, name))

    trouble = messages("causal-mask", f"import os\nos.{end}")[-1]["trouble"]

    assert "RuntimeError: This would end Python itself" in trouble


def test_a_python_that_earlier_code_has_broken_runs_no_answer(monkeypatch):
    monkeypatch.setattr(np, "tril", None)

    said = messages("causal-mask", MASK)

    assert kinds(said) == ["verdict"]
    assert verdict(said)["state"] == "not judged"


@pytest.mark.parametrize(
    "source", ["import torch_of_nobody", "def causal_mask(n):\n    import torch_of_nobody"]
)
def test_a_module_that_a_page_does_not_have_is_explained(source):
    said = messages("causal-mask", source)

    shown = said[-1]["trouble"] if "trouble" in said[-1] else verdict(said)["text"]
    assert "No module named 'torch_of_nobody'" in shown
    assert "In a page there are Python's own modules and NumPy" in shown


@pytest.mark.parametrize("source", ["input()", "input('n? ')"])
def test_nobody_is_asked_for_input(source):
    said = messages("causal-mask", source)

    assert "EOFError: Nobody can be asked here: write the value" in said[-1]["trouble"]


def test_blanks_of_a_copied_page_are_blanks_and_stay_in_texts():
    copied = MASK.replace("    ", "\u00a0\u00a0\u202f ").replace("length)", "length\u200b)")
    text = "print(len('\u00a0'), '\u00a0' == chr(160))\n"

    assert verdict(messages("causal-mask", copied))["state"] == "right"
    assert messages("causal-mask", text + MASK)[1] == {"printed": "1"}
    assert {"printed": "True"} in messages("causal-mask", text + MASK)
    assert "U+00AC" in messages("causal-mask", "x = 1 \u00ac 2")[-1]["trouble"]


def test_a_number_is_computed_by_the_learners_code():
    exercise = next(one for one in catalog.of_section("gpt") if hasattr(one, "compute"))
    right = messages(exercise.id, f"{exercise.variable} = 2 * {exercise.compute() / 2!r}")
    broken = messages(exercise.id, f"{exercise.variable} = 1 / 0")

    assert verdict(right)["state"] == "right"
    assert "ZeroDivisionError" in broken[-1]["trouble"]


TYPED = [one for one in catalog.all_exercises() if isinstance(one, CodeExercise | NumericExercise)]


@pytest.mark.parametrize(
    "exercise",
    [one for one in TYPED if "torch" not in getattr(one, "uses", ())],
    ids=lambda one: one.id,
)
def test_the_solution_that_is_shown_can_be_typed_as_an_answer(exercise):
    (code,) = re.findall(
        r"^```python\n(.*?)^```", exercise.solution_text(), re.DOTALL | re.MULTILINE
    )

    assert (
        verdict(messages(exercise.id, code, imports=page_imports(exercise.section)))["state"]
        == "right"
    )


def test_a_choice_and_an_output_are_given_as_text():
    choice = catalog.find("encoder-tasks")
    letters = "".join(letter for letter, option in choice.letters.items() if option.right)
    output = next(one for one in catalog.of_section("gpt") if hasattr(one, "program"))

    assert verdict(messages(choice.id, letters))["state"] == "right"
    assert verdict(messages(choice.id, ""))["state"] == "not attempted"
    assert verdict(messages(output.id, output.output()))["state"] == "right"


def test_a_text_is_assessed_in_two_steps():
    words = next(one for one in catalog.of_section("gpt") if hasattr(one, "key_points"))
    text = "word " * words.least_words
    asked = verdict(messages(words.id, text))
    told = verdict(messages(words.id, text, covered=[1]))

    assert asked["state"] == "to assess"
    assert words.key_points[0].split("`")[0] in asked["text"]
    assert "ex.check" not in asked["text"]
    assert told["share"] == 1 / len(words.key_points)


def test_nothing_is_recorded_by_a_check_for_the_page(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_PROGRESS", str(tmp_path / "progress.json"))

    messages("causal-mask", MASK)

    assert not (tmp_path / "progress.json").exists()
    assert ex.check("causal-mask", None).state == "not attempted"
