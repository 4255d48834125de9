"""Passages are judged by the likelihood of the question alone; follow-ups have their labels."""

import pytest
import torch

from companion.messages import prompt_text
from companion.models import load
from companion.pocket.studies import reranking
from companion.rag.book import load_questions


@pytest.fixture(scope="module")
def chat():
    return load("chat", source="pocket")


def test_the_nats_of_a_batch_are_those_of_each_passage_alone(chat) -> None:
    passages = ["Oslo is in Norway.", "The cat sleeps, and it rains all day on the old roof."]
    question = "Where is Oslo?"

    found = reranking.question_nats(chat, question, passages)

    for value, text in zip(found, passages, strict=True):
        asked = [{"role": "user", "content": reranking.ASK.format(passage=text)}]
        head = prompt_text(chat.tokenizer, asked)
        before, tail = (
            chat.tokenizer(one, add_special_tokens=False).input_ids for one in (head, question)
        )
        with torch.no_grad():
            logits = chat.model(torch.tensor([before + tail])).logits[0]
        logprobs = logits.log_softmax(dim=-1)
        alone = sum(logprobs[len(before) + at - 1, token].item() for at, token in enumerate(tail))
        assert value == pytest.approx(alone, abs=1e-3)


def test_every_follow_up_belongs_to_a_labelled_question() -> None:
    pairs = reranking.follow_ups()
    labels = [label for *_, label in pairs]
    known = {one.text for one in load_questions()}

    assert len(set(labels)) == len(pairs) == 61
    assert max(labels) < len(known)
    assert not known & {after for _, after, _ in pairs}
