"""What the widgets of the later pages say at first is what the cells of their pages print."""

import re

import pytest

from companion.pocket.studies.bookings import ASK, SCHEMA, bookings
from tests.chromium import ABSENT

pytest.importorskip("selenium")

import json

from tests.live.tab import numbers, printed
from tests.live.test_first_numbers import options

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


def test_eight_processes_hold_what_the_page_prints(tab):
    tab.open("training/many-processes", "ranks")

    text = printed("training/many-processes")
    wanted = [
        re.search(rf"^{way} +\d+ +(\d+) +\d+$", text, re.M)[1]
        for way in ("ddp", "zero1", "zero2", "fsdp")
    ]
    assert [row[1] for row in tab.rows()] == wanted
    assert tab.status().startswith("The simplest way that fits on cards of 80 GB: optimizer")


def test_twenty_requests_take_the_steps_that_the_page_prints(tab):
    tab.open("open-models/serving", "batching")

    text = printed("open-models/serving")
    rows = zip(*(row[1:] for row in tab.rows()), strict=True)
    for name, shown in zip(("steps", "slots × steps", "tokens written", "idle"), rows, strict=True):
        wanted = re.search(rf"^{name} +(\d+(?: \(\d+%\))?) +(\d+(?: \(\d+%\))?)$", text, re.M)
        assert shown == wanted.groups(), name


def test_two_right_answers_of_eight_have_the_pass_at_k_of_the_page(tab):
    tab.open("training/reasoning", "pass_at_k")
    tab.wait(lambda driver: "recorded run" in tab.text())

    text = printed("training/reasoning")
    exact, short = (
        numbers(re.search(rf"^{name}(?: +\d\.\d+)+", text, re.M)[0].removeprefix(start))
        for name, start in (
            (r"pass@k", "pass@k"),
            (r"1 - \(1 - c/n\)\^k", "1 - (1 - c/n)^k"),
        )
    )
    assert [float(row[1]) for row in tab.rows()] == exact
    assert [float(row[2]) for row in tab.rows()] == short
    tab.choose(".live-panel select", "GRPO, free stories")
    (one,) = re.findall(r"^ +GRPO +30 % \(21 to 41\) +(\d+)%", text, re.M)
    assert f"{float(tab.rows()[0][1]):.0%}" == f"{one}%"


def test_a_million_vectors_take_what_the_page_plans(tab):
    tab.open("applications/vector-stores", "stores")
    tab.wait(lambda driver: tab.status().startswith("The vectors alone"))

    text = printed("applications/vector-stores").split("for a million")[1]
    rows = re.findall(
        r"^(\w+ (?:flat|hnsw)) +(\S+|see below) +(\S+) +(\S+) +(\S+|see below)$", text, re.M
    )
    assert len(rows) == 7
    shown = [tuple(cell.replace("the page", "below") for cell in row) for row in tab.rows()]
    assert shown == rows
    assert re.search(r"the vectors alone: (\S+ GB)", text)[1] in tab.status()


def test_a_photo_has_the_tokens_that_the_page_prints(tab):
    tab.open("open-models/multimodal", "image_tokens")

    row = re.search(
        r"^photo +1600 × 1200 +(\d+) +(\d+) +(\d+) +(\S+)", printed("open-models/multimodal"), re.M
    )
    assert [cells[1].replace(",", "") for cells in tab.rows()] == list(row.groups()[:3])
    assert f"cost {row[4]}." in tab.status()


@pytest.mark.parametrize(
    "question", ["How much memory does the KV cache need?", "What is a GGUF file?"]
)
def test_passages_have_the_scores_of_the_page(tab, question):
    tab.open("applications/reranking", "late_interaction")
    tab.wait(lambda driver: tab.status().endswith("the highest score."))
    tab.choose(".live-panel select", question)

    line = re.search(rf"^{re.escape(question)} +(.*)$", printed("applications/reranking"), re.M)
    assert [row[1] for row in tab.rows()] == line[1].split()


def test_the_hole_in_the_rule_lets_the_attack_of_the_page_through(tab):
    tab.open("applications/safety", "stations")

    assert tab.status() == "Nothing stops it: send_message runs."
    assert re.search(r"only the user's words +1 of 13", printed("applications/safety"))
    tab.choose(".live-panel select", "nobody")
    assert tab.status() == "Stopped by the approval: nobody was asked"
    tab.press(".live-row .live-check:nth-child(2) input")  # send_message off the list
    assert tab.status().startswith("Stopped by the allow-list: there is no tool 'send_message'.")


def test_two_prompts_have_the_intervals_of_the_page(tab):
    tab.open("applications/evaluation", "interval")

    text = printed("applications/evaluation")
    for name, row in zip(("old", "new"), tab.rows(), strict=True):
        share, low, high = re.findall(rf"^{name} prompt: (\d+) % \((\d+) to (\d+)\)$", text, re.M)[
            -1
        ]
        assert row[2:] == [f"{share} %", f"{low} % to {high} %"]
    won, lost, p = re.search(r"(\d+) won, (\d+) lost: p = (\S+)", text).groups()
    assert tab.status().startswith(f"{won} items won, {lost} lost: p = {p}.")
    gain, low, high = re.search(
        r"gain (\d+) points; bootstrap.*?,\s+formula (\d+) to (\d+)", text
    ).groups()
    assert f"Gain {gain} points ({low} to {high})" in tab.status()


def test_ten_steps_succeed_as_often_as_the_page_says(tab):
    tab.open("applications/agents", "steps")

    rows = {row[0]: row[1] for row in tab.rows()}
    assert (round(numbers(rows["10"])[0]), round(numbers(rows["20"])[0])) == (60, 36)
    tab.driver.execute_script(
        "const retries = document.querySelectorAll('input[type=range]')[1];"
        "retries.value = 1; retries.dispatchEvent(new Event('input'))"
    )
    assert tab.status().startswith("All 10 steps: 97.5 %.")


def test_two_sentences_have_the_cosine_that_the_page_prints(tab):
    tab.open("applications/embeddings", "nearest")
    tab.wait(lambda driver: tab.status().startswith("Cosine"))

    (first,) = re.findall(
        r"^other words, same meaning: (\S+) ", printed("applications/embeddings"), re.M
    )
    assert tab.status().startswith(f"Cosine {first}.")


def test_the_first_question_has_the_answer_of_the_page(tab):
    tab.open("prompting/langchain", "chain")
    said = tab.run(exact=True)

    text = printed("prompting/langchain")
    (context, answer) = re.search(
        r"^(\[1\] .*\n\[2\] .*\nWhere .*\?)\n-> (.*)$", text, re.M
    ).groups()
    assert said == f"pocket-chat answers: {answer}"
    prompt = tab.text_of("[aria-label='The prompt']")
    assert prompt.replace("Question: ", "").endswith(context)
    assert str({row[0]: row[1] for row in tab.rows()}) in text


def test_a_message_becomes_the_json_that_the_page_prints(tab):
    given = options("applications/structured-output", "constrained")
    assert given["text"] == bookings("held_out", 36)[0][0]
    assert given["ask"].replace("\\n", "\n") == ASK
    assert json.loads(given["schema"]) == SCHEMA
    tab.open("applications/structured-output", "constrained")
    said = tab.run(exact=True)

    text = printed("applications/structured-output")
    assert tab.text_of("[aria-label='The JSON']") in text.splitlines()
    assert said.startswith("Valid JSON of the schema.")
    (steps,) = re.findall(r"^(\d+) steps, 2048 tokens each", text, re.M)
    assert len(tab.rows()) == int(steps)


BAD = [  # page, widget, number of the text field, what is typed, what the widget says
    ("open-models/serving", "batching", 0, "", "Write 1 to 64 whole numbers"),
    ("open-models/serving", "batching", 0, "1, two", "Write 1 to 64 whole numbers"),
    ("open-models/serving", "batching", 0, "1e3", "Write 1 to 64 whole numbers"),
    ("training/reasoning", "pass_at_k", 0, "9", "Write whole numbers from 0 to 8"),
    ("prompting/langchain", "chain", 0, "{", "A brace is not closed."),
    ("prompting/langchain", "chain", 1, "", "Missing: context, question."),
    ("prompting/langchain", "chain", 1, "<b>日本</b>", '"<b>日本</b>" is no value.'),
    ("applications/safety", "stations", 1, "", "This is no call."),
    ("applications/safety", "stations", 1, '{"name": ' + "[" * 5000, "Stopped by the parser"),
]


def test_what_can_not_be_used_is_told_in_words_and_leaves_no_old_numbers(tab):
    for page, name, field, text, words in BAD:
        tab.open(page, name)
        tab.driver.execute_script(
            "const field = document.querySelectorAll('.live-panel textarea')[arguments[0]];"
            "field.value = arguments[1]; field.dispatchEvent(new Event('input'))",
            field,
            text,
        )

        assert words in tab.text(), (name, text[:20])


@pytest.mark.parametrize(
    ("schema", "words"),
    [("{", "The schema is not JSON."), ("[]", "The schema can't be used here.")],
)
def test_a_schema_that_can_not_be_used_is_told(tab, schema, words):
    tab.open("applications/structured-output", "constrained")
    tab.driver.execute_script(
        "document.querySelectorAll('.live-panel textarea')[1].value = arguments[0]", schema
    )

    assert tab.run().startswith(words)
