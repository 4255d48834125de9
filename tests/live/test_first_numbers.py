"""What the widgets of formulas and texts say at first is what the cells of their pages print."""

import math
import re

import pytest

from tests.chromium import ABSENT

pytest.importorskip("selenium")

from tests.live.browser import widgets
from tests.live.tab import numbers, printed

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


def options(page: str, name: str) -> dict[str, str]:
    """What a page says about its widget."""
    return dict(widgets()[page])[name]


def test_a_number_comes_back_as_the_page_prints(tab):
    tab.open("open-models/formats", "floats")

    wanted = re.findall(
        r"^(\S.*): 0\.3 comes back as (\S+), off by (\S+)%$", printed("open-models/formats"), re.M
    )
    shown = {row[0]: row[1:] for row in tab.rows()}
    assert len(wanted) == 4
    for name, value, error in wanted:
        assert shown[name][0] == value
        assert numbers(shown[name][1])[0] == pytest.approx(abs(float(error)), abs=0.051)


def test_a_notice_has_the_passages_that_the_page_prints(tab):
    tab.open("applications/documents", "chunks")

    wanted = re.findall(r"^(\d+) words: (.*)$", printed("applications/documents"), re.M)
    assert [tuple(row[1:]) for row in tab.rows()] == wanted
    tab.choose(".live-row select", "windows")
    assert tab.rows()[0][2].endswith("Adults pay")


@pytest.mark.parametrize(
    "ends", ["猫は寝ています。", "行きますか\uff1f", "She stays…", '"Ah!"', "(Yes.)"]
)
def test_sentences_end_in_other_scripts_and_in_quotation_marks_too(tab, ends):
    tab.open("applications/documents", "chunks")
    for text, count in ((ends, 1), (f"{ends} and", 0)):
        tab.driver.execute_script(
            "const field = document.querySelector('.live-panel textarea');"
            "field.value = arguments[0]; field.dispatchEvent(new Event('input'))",
            text,
        )
        assert tab.status().startswith(f"1 passage, {count} of them with the end of a sentence;")


def test_two_rewards_of_the_page_have_their_probability(tab):
    tab.open("training/reward-model", "preference")

    table = re.findall(
        r"^(\S.*?) {2,}(-?\d\.\d) +-?\d\.\d$", printed("training/reward-model"), re.M
    )
    rewards = {name: float(reward) for name, reward in table}
    given = options("training/reward-model", "preference")
    assert numbers(given["rewards"]) == list(rewards.values())
    assert float(given["chosen"]) == rewards["closings only"]
    assert float(given["rejected"]) == rewards["right, curt"]
    margin = rewards["closings only"] - rewards["right, curt"]
    assert (
        tab.status() == f"Difference {margin:.1f}, loss {math.log1p(math.exp(-margin)):.3f} nats."
    )


def test_two_sentences_are_as_similar_as_the_page_prints(tab):
    tab.open("training/data", "near_copies")

    assert tab.status() == "5 of 9 shingles in both: similarity 0.56."
    assert "\n0.56\n" in printed("training/data")
    assert [row[1:] for row in tab.rows()].count(["yes", "yes"]) == 5


def test_a_window_sees_as_many_positions_as_the_page_prints(tab):
    tab.open("gpt/attention-variants", "masks")

    text = printed("gpt/attention-variants")
    rows, reached = (
        re.search(rf"{line}: \[(.*)\]", text)[1]
        for line in ("rows of the mask", "seen from the last place")
    )
    assert tab.status().startswith(f"Positions seen, row by row: {rows}.")
    assert f"news of {reached.count('1')} positions" in tab.status()


def test_published_models_keep_what_the_page_prints(tab):
    tab.open("gpt/attention-variants", "caches")

    wanted = re.findall(
        r"^(\S.*?) {2,}(\d+ KiB a token)$", printed("gpt/attention-variants"), re.MULTILINE
    )
    shown = {name: text for name, text, _ in tab.rows()}
    assert len(wanted) == 5
    assert all(shown[name].endswith(each) for name, each in wanted)


def test_a_long_text_takes_what_the_page_on_history_prints(tab):
    tab.open("gpt/history", "caches")

    (wanted,) = re.findall(r"8,192 tokens +(\d+) MiB", printed("gpt/history"))
    assert tab.rows()[0][1].startswith(f"{wanted}.0 MiB")


def test_a_question_finds_what_the_figure_shows(tab):
    tab.open("applications/approximate-search", "cells")

    count = tab.driver.execute_script("return document.querySelectorAll('.best.seen').length")
    assert tab.status().startswith(f"{count} of the 10 nearest points found; compared 39 places")
    assert sum(int(row[3]) for row in tab.rows()) == 10


def test_seventy_billion_parameters_take_what_the_page_prints(tab):
    tab.open("open-models/landscape", "sizes")

    half, four, card, operations = re.search(
        r"^Llama 3.3 70B +70B +70B +(\S+) +(\S+)  (\d+ GB) +(\S+)$",
        printed("open-models/landscape"),
        re.MULTILINE,
    ).groups()
    shown = {row[0]: row[1:] for row in tab.rows()}
    assert shown["BF16"][0] == half
    assert shown["NF4"] == [four, card]
    assert tab.status().startswith(f"{operations} GFLOP per token")


def test_a_small_model_has_the_weights_that_the_page_prints(tab):
    tab.open("open-models/hub-models", "memory")

    count, weights = re.search(
        r"^Qwen3-0.6B +(\S+) +\S+ +(\S+)", printed("open-models/hub-models"), re.MULTILINE
    ).groups()
    assert tab.rows()[0][:2] == ["weights", f"{weights} GB"]
    assert f"for {count} parameters" in tab.status()


def test_the_smallest_model_has_the_weights_that_the_page_prints(tab):
    tab.open("open-models/bitsandbytes", "memory")

    wanted = re.search(r"^bfloat16 +(\S+ MiB)", printed("open-models/bitsandbytes"), re.MULTILINE)
    assert tab.rows()[0][:2] == ["weights", wanted[1]]


def test_a_gpt_of_ones_own_has_the_parameters_that_the_page_counts(tab):
    tab.open("training/your-own-gpt", "parameters")

    (wanted,) = re.findall(r"^(\S+ parameters)$", printed("training/your-own-gpt"), re.MULTILINE)
    assert tab.status() == f"{wanted}."


def test_fine_tuning_takes_what_the_page_prints(tab):
    tab.open("open-models/qlora", "training_memory")

    wanted = re.search(r"^7B \(Llama 2\) +(\S+) +(\S+) +(\S+)", printed("open-models/qlora"), re.M)
    assert [row[1] for row in tab.rows()] == list(wanted.groups())
    assert [row[1] for row in tab.rows(1)] == ["no", "no", "yes"]  # on a T4


def test_a_sentence_is_redacted_as_on_the_page(tab):
    tab.open("applications/privacy", "redact")

    assert tab.text_of(".live-out") in printed("applications/privacy").splitlines()
    assert tab.status().startswith("Taken out: 1 e-mail address, 1 phone number, 1 card number.")


def test_every_case_of_the_page_has_its_answer(tab):
    tab.open("applications/mcp", "mcp")

    wanted = re.findall(
        r"^(\S.*?) +(isError \w+|error -\d+): (.*)$", printed("applications/mcp"), re.MULTILINE
    )
    assert len(wanted) == 8
    for label, kind, words in wanted:
        tab.choose(".live-panel select", label)
        said = tab.status()
        assert said.startswith(kind.lower().replace("iserror", "isError")), label
        if "True" not in kind:  # the words for the model are others
            assert words in said, label


def test_the_stages_have_the_numbers_of_the_record(tab):
    tab.open("training/pipeline", "stages")

    text = printed("training/pipeline")
    for line in options("training/pipeline", "stages")["rows"].replace("\\n", "\n").split("\n"):
        name, values = line.split(": ")
        found = re.findall(rf"^{re.escape(name)} {{2,}}(\S.*)$", text, re.MULTILINE)
        assert [row.split() for row in found] == [values.split(", ")], name
    shown = {row[0]: row[1:] for row in tab.rows()}
    assert shown["right"] == ["83%", "81%", "-2 points"]
    assert shown["reward"] == ["-0.74", "2.84", "+3.58"]


def test_the_guide_leads_to_every_end(tab):
    tab.open("summary/decisions", "guide")
    ends = {
        "y": "Stop here.", "ny": "Retrieval", "nny": "Tools", "nnny": "Fine-tune",
        "nnnny": "Take the better model.", "nnnnn": "Quantize",
    }  # fmt: skip

    for way, end in ends.items():
        tab.press(".live-buttons button:nth-child(3)")
        for answer in way:
            tab.press(f".live-buttons button:nth-child({'yn'.index(answer) + 1})")
        assert tab.status().startswith(end)
        assert "".join(row[1][0].lower() for row in tab.rows()) == way
        tab.press(".live-buttons button")  # there is nothing more to answer
        assert tab.status().startswith(end)


BAD = [  # page, widget, what is typed into the first field, and what the widget says
    ("open-models/formats", "floats", "zero", "Write one number, such as 0.3"),
    ("open-models/formats", "floats", "1e400", "Write one number, such as 0.3"),
    ("applications/documents", "chunks", " ", "There is no text."),
    ("applications/documents", "chunks", "a " * 10001, "The text has 20,002 characters, at most"),
    ("training/data", "near_copies", "", "One of the texts is empty."),
    ("training/data", "near_copies", "a" * 3001, "The text has 3,001 characters, at most 3,000"),
    ("open-models/landscape", "sizes", "7", "Write two numbers above 0"),
    ("applications/privacy", "redact", "", "There is no text."),
    ("applications/mcp", "mcp", "", "error -32700: this is not JSON"),
    ("applications/retrieval", "retrieval", "a " * 480_000, "The text has 960,000 characters"),
]


def test_what_can_not_be_used_is_told_in_words_and_leaves_no_table(tab):
    for page, name, text, words in BAD:
        tab.open(page, name)
        tab.driver.execute_script(
            "const field = document.querySelector('.live-panel textarea');"
            "field.value = arguments[0]; field.dispatchEvent(new Event('input'))",
            text,
        )

        assert tab.status().startswith(words), (name, text[:20])
        assert not tab.driver.execute_script(
            "return document.querySelector('.live-panel tbody tr')"
        )


def test_rewards_that_can_not_be_read_are_told(tab):
    tab.open("training/reward-model", "preference")
    tab.driver.execute_script(
        "const field = document.querySelector('.live-panel textarea');"
        "field.value = '1 two'; field.dispatchEvent(new Event('input'))"
    )

    assert "Write 1 to 64 numbers with blanks or commas between them" in tab.text()
