"""One model on several engines: the measurement itself, and what was recorded."""

import sys

import pytest
from _experiments import _servers, engines

import companion
from companion.pocket.records import record

ASKED = [[{"role": "user", "content": question}] for question in engines.QUESTIONS[:2]]


def test_the_package_and_generate_of_transformers_agree() -> None:
    chat = companion.load("chat", source="pocket")

    answers, logprobs = engines.ours(chat, ASKED)
    said, found = engines.library(chat, ASKED)

    assert said == answers
    assert answers[0] == "The capital of France is Paris."
    for one, other in zip(logprobs, found, strict=True):
        assert other == pytest.approx(one, abs=1e-4)


def test_a_row_counts_equal_answers_and_rounds() -> None:
    row = engines._row("x", "1", "float32", "float16", ["a", "b"], [" a", "c"], [[-0.12345678]])

    assert row["same_text"] == 1
    assert row["logprobs"] == [[-0.123457]]


def test_a_server_that_ends_at_once_is_an_error_with_its_last_words() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such model')"]

    with (
        pytest.raises(RuntimeError, match="no such model"),
        _servers._running(command, _servers.free_port()),
    ):
        pass


def test_the_record_has_each_engine_and_the_same_texts() -> None:
    run = record("engines")

    names = {row["engine"] for row in run["engines"]}
    assert {"companion", "transformers serve", "llama.cpp"} <= names
    assert all(row["same_text"] == len(run["questions"]) for row in run["engines"])
    lengths = [len(row) for row in run["engines"][0]["logprobs"]]
    assert all(
        [len(one) for one in row["logprobs"]] == lengths
        for row in run["engines"]
        if row["logprobs"]
    )
