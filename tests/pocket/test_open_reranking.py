"""Search with a language model: a small run on pocket-chat, the items, and what the record says."""

import pytest
import torch

from companion.pocket.experiments import open_reranking
from companion.pocket.experiments._side_by_side import as_message, load_columns
from companion.pocket.records import record
from companion.rag.book import load_questions


@pytest.fixture(scope="module")
def chat():
    return load_columns(["pocket"])["pocket"].chat


def test_the_nats_of_a_batch_are_those_of_each_passage_alone(chat) -> None:
    passages = ["Oslo is in Norway.", "The cat sleeps, and it rains all day on the old roof."]
    question = "Where is Oslo?"

    found = open_reranking.question_nats(chat, question, passages)

    for value, text in zip(found, passages, strict=True):
        head = as_message(chat, open_reranking.ASK.format(passage=text))
        before, tail = (
            chat.tokenizer(one, add_special_tokens=False).input_ids for one in (head, question)
        )
        with torch.no_grad():
            logits = chat.model(torch.tensor([before + tail])).logits[0]
        logprobs = logits.log_softmax(dim=-1)
        alone = sum(logprobs[len(before) + at - 1, token].item() for at, token in enumerate(tail))
        assert value == pytest.approx(alone, abs=1e-3)


def test_every_follow_up_belongs_to_a_labelled_question() -> None:
    pairs = open_reranking.follow_ups()
    labels = [label for *_, label in pairs]
    known = {one.text for one in load_questions()}

    assert len(set(labels)) == len(pairs) == 61
    assert max(labels) < len(known)
    assert not known & {after for _, after, _ in pairs}


@pytest.mark.slow
def test_a_small_run_judges_and_writes() -> None:
    found = open_reranking.measure(scale=0.02, column="pocket")

    assert [len(row) for row in found["likelihood"]["places"]] == [2, 2, 2]
    assert [len(row) for row in found["likelihood"]["nats"]] == [2, 2, 2]
    assert [len(found[name]) for name in ("hyde", "other", "follow_ups")] == [3, 3, 3]
    assert set(found["cost"]) == {"likelihood", "hyde", "other", "follow_ups"}


def test_the_record_has_candidates_for_every_question() -> None:
    found = record("open_reranking")
    asked = load_questions()

    assert len(found["likelihood"]["places"]) == len(found["hyde"]) == len(asked)
    for places, nats in zip(*found["likelihood"].values(), strict=True):
        assert len(set(places)) == len(places) == len(nats)
        assert max(nats) < 0
