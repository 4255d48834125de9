"""Widgets at the edges: changes while a model runs, Stop, errors, long texts, the keyboard."""

import json

import pytest

from tests.chromium import ABSENT

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.live.panel import Panel

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))

CANDIDATE = {"id": 1, "name": "a", "logit": 1, "raw": 0.5, "shaped": 0.5}
NEXT = {"tokens": ["a"], "kept": 1, "candidates": [CANDIDATE]}


@pytest.fixture
def panel(tab):
    return Panel(tab)


def test_the_last_of_many_changes_is_asked(panel):
    panel.open("gpt/sampling", "next_token")
    panel.start()
    for temperature in (1.5, 2, 3):
        panel.move(temperature)
    panel.waits_for(1)
    panel.answer(result=NEXT)
    panel.waits_for(2)
    panel.answer(result=NEXT)
    panel.status("1 token is left.")

    assert [message["values"]["settings"]["temperature"] for message in panel.asked()] == [1, 3]


def test_a_conversation_that_starts_over_has_forgotten_what_was_being_written(panel):
    panel.open("applications/conversation", "chat")
    panel.message("My name is Ada.")
    panel.start()
    panel.answer(piece={"text": "Hello, A", "reason": None})
    panel.tab.press(".live-panel > .live-buttons:last-child button")
    panel.status("The conversation starts over.")
    panel.message("What is my name?")
    panel.start()
    panel.waits_for(2)

    assert panel.count(".live-turn") == 2
    (message,) = panel.asked()[1]["values"]["messages"]
    assert message["content"] == "What is my name?"


def test_what_is_typed_during_an_answer_stays(panel):
    panel.open("applications/conversation", "chat")
    panel.start()
    panel.message("And another thing")
    panel.answer(piece={"text": "Yes.", "reason": "eos"})
    panel.answer(result="done")
    panel.status("pocket-chat has answered.")

    assert panel.message() == "And another thing"


def test_a_message_that_could_not_be_sent_stands_before_what_was_typed_since(panel):
    panel.open("applications/conversation", "chat")
    panel.message("First")
    panel.start()
    panel.message("Second")
    panel.answer(error="No.")
    panel.status("No.")

    assert panel.message() == "First\nSecond"


def test_a_stop_while_the_model_is_loading_ends_the_call_and_keeps_the_message(panel):
    panel.open("applications/conversation", "chat")
    panel.message("Hello")
    panel.start()
    panel.answer(loaded=1e6, total=5e6)
    panel.status("Loading the model")
    panel.stop()
    panel.status("Stopped.")

    assert panel.message() == "Hello"
    assert panel.count(".live-turn") == 0
    assert panel.run("return asked.at(-1)") == {"stop": panel.asked()[0]["call"]}


def test_an_answer_that_was_stopped_stays_as_far_as_it_came(panel):
    panel.open("applications/conversation", "chat")
    panel.start()
    panel.answer(piece={"text": "Once upon", "reason": None})
    panel.stop()
    panel.status("The answer was cut off here.")

    assert panel.tab.text_of(".live-turn:last-child span") == "Once upon"


@pytest.mark.parametrize(
    ("page", "name"),
    [("prompting/chain-of-thought", "reasoning"), ("training/instruction-tuning", "tuning")],
)
def test_a_stop_ends_the_requests_that_would_follow(panel, page, name):
    panel.open(page, name)
    panel.start()
    panel.waits_for(1)
    panel.answer(piece={"text": "Once upon", "reason": None})
    panel.stop()
    panel.status("Stopped.")

    assert len(panel.asked()) == 1
    assert panel.tab.rows()[0][1] == "Once upon"


def test_half_a_call_of_a_tool_is_no_answer(panel):
    panel.open("applications/function-calling", "tools")
    panel.start()
    panel.waits_for(1)
    panel.answer(piece={"text": '{"', "reason": None})
    panel.stop()
    panel.status("Stopped.")
    panel.start()
    panel.waits_for(2)
    panel.answer(piece={"text": '{"name": "calc', "reason": "length"})
    panel.answer(result="done")

    panel.status("Cut off after 64 tokens: neither a call nor an answer.")


@pytest.mark.parametrize("tokens", [40, 41, 500])
def test_a_head_of_a_long_text_is_shown_without_a_long_pause(panel, tokens):
    panel.open("gpt/inside", "attention")
    panel.start()
    panel.waits_for(1)
    call = panel.asked()[0]["call"]
    panel.run(
        "const [call, n] = arguments;"
        "const head = Array.from({ length: n }, (_, t) => Array(t + 1).fill(1 / (t + 1)));"
        "const attentions = Array.from({ length: 6 }, () => Array(4).fill(head));"
        "const top = [{ name: 'a', share: 1 }];"
        "worker.onmessage({ data: { call, result: {"
        "  tokens: Array(n).fill('a'), attentions, lens: [top], candidates: top } } })",
        call,
        tokens,
    )
    panel.status("The model goes on with a")
    pause = panel.run(
        "const start = performance.now();"
        "document.querySelector('[aria-label=\"Layer 2, head 1\"]').click();"
        "document.body.offsetHeight;"
        "return performance.now() - start"
    )

    assert pause < 1000
    assert panel.count(".live-map") == (tokens == 40)
    assert panel.count("td") < 2000
    if tokens == 500:
        assert panel.tab.rows(1)[0][:2] == ["1 a", "0.2 %"]


def test_an_older_text_need_not_be_cut_any_more(panel):
    panel.open("gpt/tokenization", "merges")
    panel.message("ab")
    panel.message("")
    panel.waits_for(3)
    calls = [message["call"] for message in panel.asked()]
    panel.answer(result=[])

    panel.status("There is no text.")
    assert [m["stop"] for m in panel.run("return asked") if "stop" in m] == calls[:2]


def test_one_is_not_many(panel):
    panel.open("gpt/tokenization", "merges")
    panel.message("a")
    panel.waits_for(2)
    panel.answer(result=[{"text": "a", "ids": [65], "joins": []}])

    panel.status("1 character, 1 byte, 1 token, 1 piece. Choose a piece")


def test_numbers_of_an_older_text_go_when_the_answer_is_late(panel):
    panel.open("gpt/tokenization", "merges")
    panel.answer(result=[{"text": "a", "ids": [65], "joins": []}])
    panel.tab.wait(lambda driver: panel.count(".live-buttons button") == 1)
    panel.message("b")

    panel.status("Cutting the text")
    assert panel.count(".live-buttons button") == 0


def test_a_changed_text_leaves_no_numbers_of_the_old_one(panel):
    panel.open("gpt/sampling", "next_token")
    panel.start()
    panel.waits_for(1)
    panel.answer(result=NEXT)
    panel.tab.wait(lambda driver: panel.count("tbody tr"))
    panel.message("Another text")
    assert panel.tab.status().startswith("The text has changed.")
    assert panel.count("tbody tr") == 0
    panel.start()
    panel.waits_for(2)
    panel.message("A third text")  # while the second is read
    panel.answer(result=NEXT)
    panel.status("The text has changed.")

    assert panel.count("tbody tr") == 0


LINES = [("p", "live-status"), ("p", "live-note"), ("p", "live-error"), ("div", "live-error"),
         ("p", ""), ("label", "live-check"), ("pre", "live-out")]  # fmt: skip


def test_a_long_word_makes_no_page_wider(panel):
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    panel.tab.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    panel.open("gpt/tokenization", "merges")
    word = "q" * 60
    panel.message(word)
    panel.waits_for(2)
    panel.answer(result=[{"text": word, "ids": [1], "joins": list(range(1, 60))}])
    panel.status("60 characters")
    panel.tab.press(".live-buttons button")

    assert panel.count("tbody tr") == 1
    assert panel.run("return document.documentElement.scrollWidth") <= 390
    for tag, kind in LINES:  # what a reader has typed is echoed in any of them
        width = panel.run(
            "const [tag, kind, word] = arguments, line = document.createElement(tag);"
            "line.className = kind; line.textContent = word;"
            "document.querySelector('.live-panel').append(line);"
            "return document.documentElement.scrollWidth",
            tag,
            kind,
            word,
        )
        assert width <= 390, (tag, kind)


ERRORS = [  # widget, and what it is answered first
    ("gpt/sampling", "next_token", {"result": NEXT}),
    ("gpt/next-token", "score", {"result": [{"name": "a", "logprob": -1}]}),
    ("prompting/few-shot", "few_shot", {"piece": {"text": "a"}, "result": "done"}),
    ("prompting/injection", "injection", {"piece": {"text": "a"}, "result": "done"}),
]


@pytest.mark.parametrize(("page", "name", "answer"), ERRORS)
def test_an_error_leaves_no_answer_to_another_text(panel, page, name, answer):
    panel.open(page, name)
    place = "[aria-label='The answer']:not(:empty), table"
    panel.start()
    panel.waits_for(1)
    for key, value in answer.items():
        panel.answer(**{key: value})
    panel.tab.wait(lambda driver: panel.count(place))
    panel.tab.wait(lambda driver: panel.count(".live-buttons [aria-disabled]") == 0)
    panel.start()
    panel.waits_for(2)
    panel.answer(error="There is no text.")
    panel.status("There is no text.")

    assert panel.count(place) == 0


BLANK = [
    ("applications/function-calling", "tools", "request"),
    ("applications/structured-output", "constrained", "message"),
    ("prompting/injection", "injection", "text"),
]


def test_a_blank_request_is_not_sent(panel):
    for page, name, noun in BLANK:
        panel.open(page, name)
        panel.message(" ")
        panel.start()

        panel.status(f"There is no {noun}. Write one.")
        assert panel.asked() == []


def test_numbers_that_can_not_be_read_leave_no_table(panel):
    panel.open("open-models/quantization", "quantize")
    assert panel.count("tbody tr")
    panel.message("0.3 x")

    assert panel.tab.status().startswith("Write numbers")
    assert panel.count("tbody tr") == 0
    panel.message("0 0 0")
    assert panel.tab.status() == "All numbers are 0 and come back as 0, with 1 scale."


@pytest.mark.parametrize(
    ("typed", "counted"), [("-5", "1"), ("", "1"), ("1e99", "100,000"), ("3.7", "4")]
)
def test_a_number_that_is_not_taken_as_typed_is_told(panel, typed, counted):
    panel.open("gpt/kv-cache", "kv_cache")
    panel.move(typed)

    assert panel.tab.text_of(".live-error") == (
        f"A whole number from 1 to 100,000, please. {counted} counts."
    )
    panel.move("10")
    assert panel.tab.text_of(".live-error") == ""


def test_the_keyboard_stays_where_it_is(panel):
    panel.open("gpt/sampling", "next_token")
    start, stop = panel.tab.driver.find_elements(By.CSS_SELECTOR, ".live-buttons button")
    start.send_keys(Keys.ENTER)
    panel.waits_for(1)
    start.send_keys(Keys.ENTER)  # one at a time

    assert panel.tab.driver.switch_to.active_element == start
    assert start.get_attribute("aria-disabled") == "true"
    stop.send_keys(Keys.ENTER)
    panel.status("Stopped.")
    panel.tab.wait(lambda driver: driver.switch_to.active_element == start)
    assert len(panel.asked()) == 1
    assert json.loads(start.get_attribute("aria-disabled") or "false") is False
