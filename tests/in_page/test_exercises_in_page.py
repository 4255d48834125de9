"""Exercises on the site, in a browser: checked there, kept there, and nothing of it lost."""

import json
from dataclasses import asdict
from urllib.parse import urlsplit

import pytest

from companion.exercises import catalog, records
from companion.exercises.judging import judge
from companion.exercises.records import Record
from tests.in_page.conftest import exercises_and_points

MASK = "def causal_mask(length):\n    return np.tril(np.ones((length, length), dtype=bool))"
WRONG = MASK.replace("tril", "triu")
LOOP = "def causal_mask(length):\n    while True: pass"
COUNT, POINTS = exercises_and_points("gpt")
HINTS = "#the-causal-mask details:not([hidden])"  # before there is a solution to see
SOLUTION = "#the-causal-mask details ~ details:not([hidden])"
FIRST_SECONDS, LATER_SECONDS = 5, 1  # on a machine that does nothing else
SLOWER = 20  # a machine that runs other tests may be this much slower


def requests(page):
    """Every address that the browser has asked for."""
    entries = (
        json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")
    )
    sent = (one["params"] for one in entries if one["method"] == "Network.requestWillBeSent")
    return [one["request"]["url"] for one in sent]


def test_the_first_check_takes_seconds_the_next_less_and_nobody_else_is_asked(page, capsys):
    page.forget()
    requests(page)
    page.open()

    first = page.check("causal-mask", WRONG)
    told = page.result("causal-mask")
    later = page.check("causal-mask", MASK)

    with capsys.disabled():
        print(f"\nfirst check {first:.1f} s, later {later:.2f} s")  # noqa: T201
    assert first < SLOWER * FIRST_SECONDS
    assert later < SLOWER * LATER_SECONDS
    assert "each position sees the future and not the past" in told
    assert "3 of 3 cases, 1 of 1 points" in page.result("causal-mask")
    kept = page.record("causal-mask")
    assert (kept["attempts"], kept["best"], kept["unaided"]) == (2, 1, True)
    hosts = {
        urlsplit(url).netloc for url in requests(page) if not url.startswith(("blob:", "data:"))
    }
    assert hosts - {""} == {urlsplit(page.server.url("")).netloc}


def test_the_words_are_those_of_the_notebook(warm):
    exercise = catalog.find("causal-mask")
    wrong = exercise.wrong[0].answer
    source = f"from {wrong.__module__} import {wrong.__name__} as causal_mask"

    warm.check("causal-mask", source)

    shown = warm.run(
        "const box = document.createElement('div'); box.innerHTML = arguments[0];"
        "return box.textContent",
        judge(exercise, wrong)._repr_html_(),
    )
    assert warm.result("causal-mask") == shown


def test_an_endless_loop_is_ended_and_the_next_check_works(warm):
    took = warm.check("causal-mask", LOOP)

    assert took < SLOWER * FIRST_SECONDS
    assert "stopped, the time was up: is there a loop" in warm.result("causal-mask")
    warm.check("causal-mask", MASK)
    assert "causal-mask: right" in warm.result("causal-mask")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("while True: print('x' * 1000)", "before any case was run"),
        pytest.param(
            "import js\njs.self.close()\nwhile True: pass",
            "before any case was run",
            marks=pytest.mark.slow,
        ),
        ("x = 1 /", "SyntaxError"),
    ],
)
def test_code_that_floods_dies_or_breaks_leaves_a_sentence(warm, source, says):
    warm.check("causal-mask", source)

    assert says in warm.result("causal-mask")
    script = "return arguments[0].querySelector('.exercise-printed').textContent"
    printed = warm.run(script, warm.form("causal-mask"))
    assert len(printed) < 5_100


@pytest.mark.slow
def test_after_code_that_closes_its_worker_the_next_check_works(warm):
    warm.check("causal-mask", "import js\njs.self.close()\n" + MASK)
    warm.check("causal-mask", MASK)

    assert "causal-mask: right" in warm.result("causal-mask")


FORGED = """
import js
from pyodide.ffi import create_proxy, to_js
original = js.self.postMessage
js.self.postMessage = create_proxy(lambda message: None)
def send(message):
    original(to_js(message, dict_converter=js.Object.fromEntries))
send("hello")
bad = "<img src='https://example.com/x' onerror='window.owned = 1'><script>owned = 1</script>"
bad += "<b onclick='x'>seen</b><div style='background:url(https://example.com/y)'>text</div>"
send({"verdict": {"state": "wrong", "share": 0, "html": bad, "text": ""}})
send({"idle": True})
import numpy as np
def causal_mask(length):
    return 1
"""


def test_what_code_sends_by_itself_is_not_heard(warm):
    warm.check("causal-mask", FORGED)

    result = warm.form("causal-mask").find_element("css selector", ".exercise-result")
    assert "causal-mask: wrong (0 of 3 cases" in result.text
    assert "seen" not in result.text
    warm.check("causal-mask", MASK)
    assert "causal-mask: right" in warm.result("causal-mask")


def test_of_what_is_shown_nothing_is_run_or_loaded(warm):
    script = """
      const [html, done] = arguments;
      import("../../_static/exercises/verdict.js").then(({ safeNodes }) => {
        const place = document.createElement("div");
        place.append(...safeNodes(html));
        document.body.append(place);
        done([place.innerHTML, window.owned ?? null]);
      });
    """
    html = "<img src='/x' onerror='owned = 1'><script>owned = 1</script><b onclick='x'>seen</b>"
    html += "<div style='background:url(/y)'>plain</div><em style='color: #123'>kept</em>"

    inside, owned = warm.driver.execute_async_script(script, html)

    assert inside == 'owned = 1seen<div>plain</div><em style="color: rgb(17, 34, 51);">kept</em>'
    assert owned is None


def test_what_code_prints_is_shown(warm):
    warm.check("causal-mask", "print('<b>hello</b>')\n" + MASK)

    assert "<b>hello</b>" in warm.form("causal-mask").text


@pytest.mark.slow
def test_code_that_breaks_what_the_solution_calls_is_the_cause(warm):
    warm.check("causal-mask", "np.tril = None\n" + MASK)
    assert "causal-mask: wrong (0 of 3 cases" in warm.result("causal-mask")
    assert "'NoneType' object is not callable" in warm.result("causal-mask")
    warm.check("causal-mask", MASK)
    assert "causal-mask: right" in warm.result("causal-mask")


@pytest.mark.slow
def test_code_that_breaks_the_comparison_is_judged_all_the_same(warm):
    warm.check("causal-mask", "np.isfinite = np.abs = np.isnan = None\n" + MASK)

    assert "causal-mask: right" in warm.result("causal-mask")


def test_input_leaves_a_sentence_and_nothing_in_the_console(warm):
    warm.driver.get_log("browser")

    warm.check("causal-mask", "import sys\nprint(repr(sys.stdin.read()))\ninput()")

    assert "Nobody can be asked here" in warm.result("causal-mask")
    assert "''" in warm.form("causal-mask").text
    assert warm.driver.get_log("browser") == []


def test_a_page_of_the_network_in_place_of_a_file_is_explained(page):
    page.server.broken["runtime.json"] = b"<!doctype html><title>Log in</title>"

    page.check("causal-mask", MASK)

    assert "does your network ask you to log in first" in page.result("causal-mask")


@pytest.mark.parametrize(
    "content",
    [None, pytest.param(b"something else", marks=pytest.mark.slow)],
    ids=["missing", "changed"],
)
def test_a_runtime_file_that_fails_is_named_and_nothing_is_lost(page, content):
    page.forget()
    page.server.broken["python_stdlib.zip"] = content

    page.check("causal-mask", MASK)

    says = "did not arrive (404)" if content is None else "is not the file that was published"
    assert f"python_stdlib.zip {says}" in page.result("causal-mask")
    area = page.form("causal-mask").find_element("css selector", "textarea")
    assert area.get_attribute("value") == MASK
    assert page.driver.find_elements("css selector", f"{HINTS}, {SOLUTION}") == []
    page.press("causal-mask", "Solution")  # who can't try need not
    assert page.driver.find_element("css selector", SOLUTION).is_displayed()
    assert page.record("causal-mask") == asdict(Record(solution=True))
    if content is not None:
        page.server.broken.clear()
        page.check("causal-mask")
        assert "causal-mask: right" in page.result("causal-mask")
        assert not page.record("causal-mask")["unaided"]


FLOOD = """
import js
for number in range(30_000):
    js.self.postMessage(number)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import time\ntime.sleep(99)", "Stopped. Your text stays"),
        pytest.param(FLOOD, "your code said too much", marks=pytest.mark.slow),
        pytest.param("import os\nos._exit(1)", "would end Python itself", marks=pytest.mark.slow),
    ],
    ids=["stop", "flood", "exit"],
)
def test_code_that_is_ended_opens_neither_hints_nor_solution(warm, source, says):
    warm.run("localStorage.clear()")
    warm.open()
    warm.check("causal-mask", "x = 1")  # "not attempted": only Python gets ready

    if "sleep" in source:
        warm.write("causal-mask", source)
        warm.press("causal-mask", "Check")
        warm.until_it_says("Running your code", "[data-exercise=causal-mask]")
        warm.press("causal-mask", "Stop")
        warm.until_it_says("Stopped", "[data-exercise=causal-mask]")
    else:
        warm.check("causal-mask", source)

    assert says in warm.result("causal-mask")
    warm.press("causal-mask", "Solution")
    assert "Try it first" in warm.result("causal-mask")
    assert warm.driver.find_elements("css selector", f"{HINTS}, {SOLUTION}") == []


@pytest.mark.slow
def test_python_is_fetched_once_for_the_whole_site(warm, page):
    warm.check("causal-mask", MASK)
    page.open("applications")
    page.server.asked.clear()

    page.check(first_code("applications"), "x = 1")

    large = (".packed", ".zip", ".whl")
    assert [name for name in page.server.asked if name.endswith(large)] == []
    assert "Your code defines no" in page.result(first_code("applications"))


def first_code(section):
    return next(one.id for one in catalog.of_section(section) if hasattr(one, "cases"))


@pytest.mark.slow
def test_without_webassembly_the_page_is_as_without_the_script(page):
    page.open(before="delete window.WebAssembly")

    assert "no WebAssembly" in page.text("article")
    assert "open the page as a notebook" in page.text("article")
    assert page.driver.find_elements("css selector", "[data-exercise]") == []
    assert page.run("return document.querySelectorAll('div.cell[hidden]').length") == 0


def test_storage_that_is_forbidden_costs_memory_and_not_the_page(page):
    page.open(before="Storage.prototype.setItem = () => { throw new Error('full') }")

    page.write("causal-mask", MASK)
    page.press("causal-mask", "Hint")

    assert page.driver.find_elements("css selector", HINTS)
    assert "its storage is full or forbidden" in page.text(".exercise-panel")
    assert page.run("return localStorage.getItem('exercise-progress')") is None


def test_hints_come_one_by_one_and_the_solution_after_an_attempt(page):
    shown = f"{HINTS} ol > li:not([hidden])"
    assert page.driver.find_elements("css selector", shown) == []

    page.press("causal-mask", "Solution")
    assert "Try it first" in page.result("causal-mask")
    for count in (1, 2):
        page.press("causal-mask", "Hint")
        assert len(page.driver.find_elements("css selector", shown)) == count
    page.keep("causal-mask", Record(attempts=1, hints=2))
    page.open().press("causal-mask", "Solution")

    assert page.driver.find_elements("css selector", f"{HINTS} ~ details[open]")
    assert page.record("causal-mask") == asdict(Record(attempts=1, hints=2, solution=True))


def test_text_and_progress_survive_a_reload_and_reset_can_be_undone(page):
    page.write("causal-mask", MASK)
    page.keep("causal-mask", Record().attempted(1.0))
    page.open()

    area = page.driver.find_element("css selector", "[data-exercise=causal-mask] textarea")
    assert area.get_attribute("value") == MASK
    assert "Solved" in page.form("causal-mask").text
    assert f"1 of {COUNT} solved, 1 of {POINTS} points" in page.text(".exercise-total")
    assert f"1 of {COUNT}" in page.run("return document.querySelector('.toc-solved').textContent")
    page.press("causal-mask", "Reset")
    assert "your code goes here" in area.get_attribute("value")
    page.run("arguments[0].focus(); document.execCommand('undo')", area)
    assert area.get_attribute("value") == MASK


def test_kept_answers_that_are_none_cost_no_form(page):
    kept = {"encoder-tasks": 5, "causal-mask": ["x"], "layer-norm": "kept"}
    page.run("localStorage.setItem('exercise-answers', arguments[0])", json.dumps(kept))
    page.open()

    forms = page.driver.find_elements("css selector", "[data-exercise]")
    assert len(forms) == COUNT
    script = "return arguments[0].querySelector('textarea').value"
    assert page.run(script, page.form("layer-norm")) == "kept"
    assert "your code goes here" in page.run(script, page.form("causal-mask"))


@pytest.mark.slow
def test_a_file_of_the_notebook_is_added_and_what_is_saved_is_one(page, tmp_path):
    file = tmp_path / "progress.json"
    records.update("layer-norm", lambda record: record.attempted(1.0), file)
    page.keep("causal-mask", Record().attempted(1.0))
    page.open()

    page.driver.find_element("css selector", "input[type=file]").send_keys(str(file))

    page.until_it_says("Added: the file knows 1 exercise.")
    assert f"2 of {COUNT} solved" in page.text(".exercise-total")
    saved = tmp_path / "saved.json"
    saved.write_text(page.run("return localStorage.getItem('exercise-progress')"), encoding="utf-8")
    read = records.read(saved)
    assert read["layer-norm"] == records.read(file)["layer-norm"]
    assert read["causal-mask"].unaided


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"version": 2, "exercises": {}}', "not a progress file of version 1"),
        ("nonsense", "it is not JSON"),
        ('{"version": 1, "exercises": {"x": {"attempts": -1}}}', "can't be read"),
    ],
)
def test_a_file_of_another_version_changes_nothing(page, tmp_path, text, why):
    (tmp_path / "progress.json").write_text(text, encoding="utf-8")

    page.driver.find_element("css selector", "input[type=file]").send_keys(
        str(tmp_path / "progress.json")
    )

    page.until_it_says("Nothing was changed")
    assert why in page.text(".exercise-panel")
    assert page.run("return localStorage.getItem('exercise-progress')") is None


def test_progress_that_cannot_be_read_is_set_aside(page):
    page.run("localStorage.setItem('exercise-progress', '{}')")
    page.open()

    assert "can't be read" in page.text(".exercise-panel")
    kept = page.run("return Object.keys(localStorage).find((key) => key.includes('damaged'))")
    assert page.run("return localStorage.getItem(arguments[0])", kept) == "{}"


def test_a_choice_and_a_text_are_checked_too(warm):
    choice = catalog.find("encoder-tasks")
    words = next(one for one in catalog.of_section("gpt") if hasattr(one, "key_points"))
    right = [letter for letter, option in choice.letters.items() if option.right]

    for letter in right:
        option = f"input[name=option-encoder-tasks][value={letter}]"
        warm.run("document.querySelector(arguments[0]).click()", option)
    warm.check(choice.id)
    warm.check(words.id, "word " * words.least_words)

    assert "encoder-tasks: right" in warm.result(choice.id)
    assert "to assess" in warm.result(words.id)
    boxes = warm.form(words.id).find_elements("css selector", ".exercise-covered input")
    assert len(boxes) == len(words.key_points)
    for box in boxes:
        warm.run("arguments[0].click()", box)
    warm.check(words.id)
    assert f"{words.id}: right" in warm.result(words.id)


def test_tab_indents_and_escape_then_tab_leaves(page):
    from selenium.webdriver.common.keys import Keys

    page.write("causal-mask", "")
    area = page.driver.find_element("css selector", "[data-exercise=causal-mask] textarea")
    page.run("arguments[0].focus()", area)
    area.send_keys("if x:", Keys.ENTER, "y", Keys.ENTER, Keys.SHIFT, Keys.TAB, Keys.NULL, "z")

    assert area.get_attribute("value") == "if x:\n    y\nz"
    area.send_keys(Keys.ESCAPE, Keys.TAB)
    assert page.run("return document.activeElement.textContent") == "Check"


def test_the_size_that_the_page_says_is_that_of_the_files(site):
    manifest = json.loads((site / "_static/exercises/runtime.json").read_text(encoding="utf-8"))
    script = (site / "_static/exercises/form.js").read_text(encoding="utf-8")
    files = manifest["files"].values()

    total = sum(file["bytes"] for file in files)

    assert f'SIZE = "about {total / 1e6:.0f} MB"' in script
    assert all((site / "_static" / file["at"]).stat().st_size == file["bytes"] for file in files)
