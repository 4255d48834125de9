"""A verdict is seen wherever it is asked for, once."""

import subprocess
import sys

import pytest

from companion.exercises import catalog
from companion.exercises.display import as_code
from companion.exercises.verdict import Verdict

MASK = catalog.find("causal-mask")

CODE = "from companion import exercises as ex\n"
CHECK = 'ex.check("llama-2-cache", 2.0)'
HEAD = "llama-2-cache: right"


@pytest.fixture(autouse=True)
def _progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_PROGRESS", str(tmp_path / "progress.json"))


def said(*command, given=""):
    done = subprocess.run(
        [sys.executable, *command], input=given, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("lines", "times"),
    [
        (CHECK, 1),
        (f"print({CHECK})", 1),
        (f"found = {CHECK}", 0),
        (f"found = {CHECK}\nprint(found)", 1),
        (f"assert {CHECK}.share == 1", 0),
        (f"if True:\n    {CHECK}\n{CHECK}", 2),
        (f"def mine():\n    {CHECK}\nmine()", 1),
        (f"def mine():\n    return {CHECK}\nfound = mine()", 0),
        (f"for _ in range(3): {CHECK}", 3),
        (f"found = [{CHECK}, {CHECK}]", 0),
        (f"try:\n    {CHECK}\nfinally:\n    pass", 1),
        (f"with open('/dev/null'):\n    {CHECK}", 1),
    ],
)
def test_a_script_prints_what_it_would_throw_away(lines, times):
    assert said("-c", CODE + lines).count(HEAD) == times


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ('ex.hint("causal-mask")', "Hint 1 of 3"),
        ('ex.show("causal-mask")', "def causal_mask"),
        ('ex.solution("causal-mask")', "Try it first"),
        ("ex.progress()", "| section |"),
        ('ex.check("causal-mask")', "not attempted"),
    ],
)
def test_so_do_the_others(call, text):
    assert said("-c", f"{CODE}{call}\nfound = {call}").count(text) == 1


def test_a_prompt_shows_it_once():
    assert said("-i", "-c", CODE, given=f"{CHECK}\nfound = {CHECK}\n").count(HEAD) == 1


SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
with capture_output() as caught:
    result = shell.run_cell(sys.stdin.read(), store_history=False)
result.raise_error()
shown = caught.stdout + "".join(one.data["text/plain"] for one in caught.outputs)
print(shown)
"""


@pytest.mark.parametrize(
    ("cell", "times"),
    [
        (CHECK, 1),
        (f"{CHECK}\n", 1),
        (f"{CHECK}\n{CHECK}", 2),
        (f"{CHECK}\nx = 1", 1),
        (f"x = {CHECK}", 0),
        (f"x = {CHECK}\nx", 1),
        (f"for _ in range(2):\n    {CHECK}", 2),
        (f"display({CHECK})", 1),
        (f"print({CHECK})", 1),
    ],
)
def test_a_notebook_shows_it_once_wherever_it_stands_in_a_cell(cell, times):
    pytest.importorskip("IPython")

    assert said("-c", SHELL, given=CODE + cell).count(HEAD) == times


def test_a_name_that_is_forgotten_or_swapped_is_asked_for():
    from companion import exercises as ex

    def causal_mask(length):
        return length

    for wrong in (causal_mask, 3, None, ["causal-mask"], object()):
        with pytest.raises(ValueError, match="name the exercise first, as text, and then give"):
            ex.check(wrong, "causal-mask")
    with pytest.raises(ValueError, match=r"there is no exercise 'xxx.*did you mean"):
        catalog.find("x" * 100_000)


def message(text):
    return Verdict(MASK, "wrong", message=text)


@pytest.mark.parametrize(
    ("markdown", "plain", "html"),
    [
        ("`**` is a power", "** is a power", "<code>**</code> is a power"),
        ("a **b** and *c*", "a b and c", "a <strong>b</strong> and <em>c</em>"),
        ("`a` ``b ` c``", "a b ` c", "<code>a</code> <code>b ` c</code>"),
        ("```text\n**x**\n  y\n```\n\nwhy", "**x**\n  y\n\nwhy", "<code>**x**\n  y</code>\n\nwhy"),
        ("1. a\n2. b_c_d $x_1$", "1. a\n2. b_c_d $x_1$", "1. a\n2. b_c_d $x_1$"),
        ("2 * 3 ** 4 <b>", "2 * 3 ** 4 <b>", "2 * 3 ** 4 &lt;b&gt;"),
        (r"$\{a\,b\}$ and \* too", r"$\{a\,b\}$ and \* too", r"$\{a\,b\}$ and \* too"),
    ],
)
def test_marks_go_and_what_stands_in_code_stays(markdown, plain, html):
    assert repr(message(markdown)).split("\n", 1)[1] == plain
    assert html in message(markdown)._repr_html_()


@pytest.mark.parametrize("text", ["a", "`", "a ` b", "``x``", "**b**", "<i>", "a\nb", ""])
def test_any_text_can_stand_in_a_message_as_code(text):
    shown = repr(message(f"not {as_code(text)}.")).split("\n", 1)[1]

    assert " ".join(text.split()) in shown
    assert "<i>" not in message(as_code(text))._repr_html_()


def test_the_messages_of_all_exercises_keep_their_code():
    for one in catalog.all_exercises():
        for wrong in getattr(one, "wrong", ()):
            shown = repr(Verdict(one, "wrong", message=wrong.message))
            for code in wrong.message.split("`")[1::2]:
                assert code in shown
