"""What a learner sees: check, hint, solution, progress, report."""

import json
import subprocess
import sys
import threading
import time
import warnings

import pytest

from companion import exercises as ex
from companion.exercises import catalog, records
from companion.exercises.exercise import ChoiceExercise, NumericExercise, OutputExercise


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    path = tmp_path / "home" / "progress.json"
    monkeypatch.setenv("COMPANION_PROGRESS", str(path))
    return path


SOLUTION = catalog.find("causal-mask").solution
WRONG = catalog.find("causal-mask").wrong[0].answer


def stub(name):
    space = {}
    exercise = catalog.find(name)
    exec(f"{exercise.imports()}\n{exercise.stub()}", space)  # noqa: S102, our own stub
    return space[exercise.variable]


@pytest.mark.parametrize("answer", [None, ..., stub("causal-mask")])
def test_an_untouched_stub_is_not_attempted_and_leaves_no_trace(answer, file):
    verdict = ex.check("causal-mask", answer)

    assert verdict.state == "not attempted"
    assert verdict.points == 0
    assert not file.exists()


def test_a_right_answer_is_remembered(file):
    verdict = ex.check("causal-mask", SOLUTION)

    assert verdict.state == "right"
    assert 'ex.solution("causal-mask") shows ours' in repr(verdict)
    assert "1 of" in ex.progress()
    record = records.read()["causal-mask"]
    assert (record.attempts, record.best, record.unaided) == (1, 1.0, True)
    assert json.loads(file.read_text())["version"] == 1


def test_a_worse_answer_later_takes_nothing_away():
    ex.check("causal-mask", SOLUTION)
    ex.check("causal-mask", WRONG)

    record = records.read()["causal-mask"]
    assert (record.attempts, record.best) == (2, 1.0)
    assert record.solved


def test_a_wrong_answer_says_what_came_and_what_was_expected():
    text = repr(ex.check("causal-mask", WRONG))

    assert "wrong (0 of 3 cases, 0 of 1 points)" in text
    assert "Off by one" in text
    assert "called with: 1\n" in text
    assert "at [0, 0]: expected True, got False" in text


@pytest.mark.parametrize(("answer", "asked"), [(WRONG, False), (lambda length: length, True)])
def test_what_to_think_about_is_asked_only_where_no_mistake_is_known(answer, asked):
    verdict = ex.check("causal-mask", answer)

    assert (verdict.wrong is None) == asked
    assert ("think: Draw the table" in repr(verdict)) == asked


def test_a_known_mistake_is_named_even_if_a_check_of_arguments_is_missing_too():
    def ties_count(chosen, rejected):
        pairs = list(zip(chosen, rejected, strict=False))
        return sum(a >= b for a, b in pairs) / max(1, len(pairs))

    verdict = ex.check("preference-accuracy", ties_count)

    assert "Ties count as right" in verdict.message
    assert "expected a ValueError" in repr(verdict)


def test_a_verdict_as_html_escapes_what_the_learner_wrote():
    def answer(length):
        raise ValueError("<script>alert(1)</script>")

    html = ex.check("causal-mask", answer)._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_an_exception_is_shown_at_the_learners_line():
    def answer(length):
        return [1, 2][length + 5]

    text = repr(ex.check("causal-mask", answer))

    assert "IndexError: list index out of range (line" in text
    assert "in answer: return [1, 2][length + 5])" in text
    assert "running.py" not in text


def test_code_that_leaves_the_program_is_an_error_and_ends_nothing():
    assert "SystemExit: 3" in repr(ex.check("causal-mask", lambda length: sys.exit(3)))


def hang(length):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_an_endless_loop_is_stopped(in_a_thread):
    def loop(length):
        while True:
            pass

    found = []
    start = time.monotonic()
    if in_a_thread:
        thread = threading.Thread(target=lambda: found.append(ex.check("causal-mask", loop)))
        thread.start()
        thread.join(20)
    else:
        found.append(ex.check("causal-mask", hang))

    assert time.monotonic() - start < 10
    assert "is there a loop that never ends?" in repr(found[0])
    assert "not run, the time was up" in repr(found[0])


def test_the_learners_code_can_not_change_the_cases():
    cases = catalog.find("attention-head").draw("public")

    def answer(q, k, v):
        q *= 0
        return q

    ex.check("attention-head", answer)

    assert repr(catalog.find("attention-head").draw("public")) == repr(cases)


def test_hints_come_one_by_one():
    first = ex.hint("causal-mask")
    assert first.startswith("Hint 1 of 3")
    assert "Hint 2" not in first
    assert "Hint 2 of 3" in ex.hint("causal-mask")
    assert ex.hint("causal-mask") == ex.hint("causal-mask")
    assert "Hint 3 of 3" in ex.hint("causal-mask")


def test_the_solution_is_shown_after_an_attempt():
    assert "Try it first" in ex.solution("causal-mask")
    ex.check("causal-mask", WRONG)
    assert "np.tril" in ex.solution("causal-mask")
    ex.check("causal-mask", SOLUTION)
    assert records.read()["causal-mask"].unaided is False


def test_no_exercise_of_this_name():
    with pytest.raises(ValueError, match="did you mean causal-mask"):
        ex.check("causal", 1)


@pytest.mark.parametrize("one", catalog.all_exercises(), ids=lambda one: one.id)
def test_every_exercise_can_be_shown(one):
    text = ex.show(one.id)

    assert one.statement.strip() in text
    assert one.stub() in text
    if isinstance(one, ChoiceExercise):
        assert all(option.text in text for option in one.options)


def test_strange_answers_get_an_explanation():
    kinds = {type(one): one for one in catalog.all_exercises()}
    number, choice, output = (kinds[k] for k in (NumericExercise, ChoiceExercise, OutputExercise))

    assert "Give a plain number" in repr(ex.check(number.id, "many"))
    assert "Give a plain number" in repr(ex.check(number.id, True))
    assert ex.check(number.id, float("nan")).state == "wrong"
    assert "Options are a, b" in repr(ex.check(choice.id, "z"))
    assert ex.check(output.id, 17).state == "wrong"
    assert "itself, not 3" in repr(ex.check("causal-mask", 3))


def test_a_damaged_file_is_kept_and_named(file):
    file.parent.mkdir()
    file.write_text('{"version": 1, "exercises": {"x": {"attem')

    with pytest.warns(UserWarning, match="can't be read"):
        ex.check("causal-mask", SOLUTION)

    kept = list(file.parent.glob("progress.json.damaged-*"))
    assert len(kept) == 1
    assert "attem" in kept[0].read_text()
    assert list(records.read()) == ["causal-mask"]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"version": 99, "exercises": {}}',
        '{"version": 1, "exercises": []}',
        '{"version": 1, "exercises": {"x": {}}}',
        '{"version": 1, "exercises": {"x": {"attempts": "1", "best": 0, "hints": 0,'
        ' "solution": false, "solved": "", "unaided": false}}}',
        "[" * 100_000,
        "\x00",
    ],
)
def test_no_other_file_is_taken_for_progress(file, text):
    file.parent.mkdir()
    file.write_text(text)

    with pytest.warns(UserWarning, match="is kept as"):
        assert records.read() == {}


def test_a_place_that_can_not_be_written_loses_nothing_but_says_so(tmp_path, monkeypatch):
    (tmp_path / "plain").write_text("a file")
    monkeypatch.setenv("COMPANION_PROGRESS", str(tmp_path / "plain" / "progress.json"))

    with pytest.warns(UserWarning, match="could not be saved"):
        verdict = ex.check("causal-mask", SOLUTION)

    assert verdict.state == "right"


ADD = """
import sys
from companion.exercises import records
for _ in range(20):
    records.update(sys.argv[1], lambda record: record.attempted(0.5))
"""


def test_two_programs_at_a_time_lose_nothing(file):
    programs = [subprocess.Popen([sys.executable, "-c", ADD, name]) for name in ("a", "a", "b")]

    assert [program.wait() for program in programs] == [0, 0, 0]

    found = records.read(file)

    assert {name: record.attempts for name, record in found.items()} == {"a": 40, "b": 20}
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]


def test_a_reader_never_sees_half_a_file(file):
    records.update("first", lambda record: record.attempted(0.5))
    seen, done = [], threading.Event()

    def read():
        while not done.is_set():
            seen.append(len(json.loads(file.read_text())["exercises"]))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(150):
        records.update(f"exercise-{number}", lambda record: record.attempted(0.5))
    done.set()
    reader.join()

    assert len(seen) > 20
    assert seen == sorted(seen)


def test_a_lock_of_a_dead_program_is_taken_over(file, monkeypatch):
    monkeypatch.setattr(records, "_LOCK_SECONDS", 0.1)
    file.parent.mkdir()
    (file.parent / ".progress.json.lock").touch()

    records.update("a", lambda record: record.attempted(1.0))

    assert records.read()["a"].best == 1.0


@pytest.mark.parametrize("drive", [True, False])
def test_on_colab_progress_goes_to_drive_or_says_that_it_is_lost(drive, tmp_path, monkeypatch):
    monkeypatch.delenv("COMPANION_PROGRESS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(records, "_COLAB", tmp_path)
    monkeypatch.setattr(records, "_DRIVE", tmp_path / "drive")
    monkeypatch.setattr("companion.exercises.learner._said", set())
    if drive:
        (tmp_path / "drive").mkdir()

    said = repr(ex.check("causal-mask", SOLUTION))

    assert ("drive.mount" in said) == (not drive)
    folder = tmp_path / "drive" / "companion" if drive else tmp_path / ".companion"
    assert (folder / "progress.json").is_file()


def test_the_report_shows_scores_and_admits_what_it_is(tmp_path):
    ex.check("causal-mask", SOLUTION)

    path = ex.report(tmp_path / "report.html", name="Ada <b>")

    text = path.read_text(encoding="utf-8")
    assert "Ada &lt;b&gt;" in text
    assert "1 of 1" in text
    assert "proves neither who did the work" in text
    assert "http" not in text  # loads nothing


def test_nothing_warns_in_ordinary_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ex.check("causal-mask", WRONG)
        ex.hint("causal-mask")
        ex.progress()
