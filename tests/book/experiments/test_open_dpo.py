"""DPO on the open model: pairs of sentences, and a short run on pocket-chat."""

import pytest
from _experiments import open_dpo
from _experiments._side_by_side import load_items

from companion.models import load
from companion.models.loading import LoadedModel
from companion.pocket.records import record
from companion.training.adapters import apply_lora

LONG = {"question": "What is a lamp?", "text": "It is a light. It hangs. It i", "tokens": 12}
ONE = {"question": "What is a pen?", "text": "It writes.", "tokens": 4}
ANSWERS = [LONG | {"finished": False}] * 4 + [ONE | {"finished": True}]


def test_the_questions_of_the_splits_are_different() -> None:
    stored = load_items("plain_questions")
    questions = [one for split in open_dpo.SPLITS for one in stored[split]]

    assert len(questions) == len(set(questions)) == 104


def test_the_first_sentence_is_preferred_to_all_whole_sentences() -> None:
    pairs = open_dpo.as_pairs(ANSWERS)

    assert len(pairs) == 4  # an answer of one sentence makes no pair
    assert pairs[0]["chosen"][0]["content"] == "It is a light."
    assert pairs[0]["rejected"][0]["content"] == "It is a light. It hangs."


def test_lengths_count_answers_that_ended_after_one_sentence() -> None:
    cut = ONE | {"text": "It writes and", "finished": False, "tokens": 8}

    found = open_dpo.lengths([*ANSWERS, cut])

    assert (found["total"], found["finished"], found["one_sentence"]) == (6, 1, 1)
    assert found["tokens"] == 10


def test_a_model_that_was_not_trained_has_no_margin() -> None:
    model, tokenizer = load("chat", source="pocket")
    loaded = LoadedModel(apply_lora(model, rank=2), tokenizer)

    found = open_dpo.judge_pairs(loaded, open_dpo.as_pairs(ANSWERS))

    assert found == {"loss": 0.6931, "margin": 0.0, "right": 0, "total": 4}


@pytest.mark.slow
def test_a_short_training_on_pocket_chat_prefers_the_first_sentence(tmp_path) -> None:
    pytest.importorskip("trl")
    answers = dict.fromkeys(open_dpo.SPLITS, ANSWERS)

    found = open_dpo.one_training(
        "trained", scale=0.02, model="chat", answers=answers, folder=str(tmp_path), rate=1e-3,
        steps=3,
    )  # fmt: skip

    assert found["pairs"]["right"] == found["pairs"]["total"] == 4
    assert found["pairs"]["margin"] > 0.1
    assert len(found["losses"]) == 3
    assert found["capitals"]["total"] == found["total"] == 3


def test_the_record_says_what_was_chosen_and_asks_the_same_questions_twice() -> None:
    stored = record("open_dpo")
    losses = {float(rate): found["pairs"]["loss"] for rate, found in stored["trials"].items()}

    assert stored["settings"]["learning_rate"] == min(losses, key=losses.get)
    assert len(stored["after"]["losses"]) == stored["settings"]["steps"]
    before, after = stored["before"], stored["after"]
    assert before["total"] == after["total"] == after["pairs"]["total"]
    assert [text[0] for text in before["texts"]] == [text[0] for text in after["texts"]]
