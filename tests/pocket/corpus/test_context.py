"""Questions about a context: the answer stands there, or it is said that it does not."""

import random
from itertools import islice

from companion.phrases import NOT_THERE
from companion.pocket.corpus import (
    context,
    documents,
)


def test_the_answer_to_a_context_question_stands_in_the_context():
    rng = random.Random(0)
    for _ in range(300):
        prompt, answer = context.item(rng, "eval")

        assert answer in prompt.split("\nQuestion:")[0]


def test_reverse_contexts_ask_for_every_fact_from_both_ends():
    rng = random.Random(0)
    for _ in range(200):
        found = context.facts(rng, "train", 4, reverse=1.0)
        answers = [answer for _, answer in found.questions]

        assert len(answers) == len(set(answers)) == 8
        assert all(sum(a in sentence for a in answers) >= 2 for sentence in found.sentences)


def test_a_context_without_the_answer_says_so():
    texts = [document.text for document in islice(documents(0, kind="context"), 4000)]
    refused = [text for text in texts if text.endswith(NOT_THERE)]

    assert len(refused) > 50
    assert all(text.startswith("Answer the question with the context only.") for text in refused)


def test_names_of_the_context_questions_are_unseen():
    seen = {
        word
        for document in islice(documents(0, kind="context"), 2000)
        for word in document.text.replace(".", " ").replace("?", " ").split()
    }
    rng = random.Random(3)

    answers = {context.item(rng, "eval")[1] for _ in range(300)}

    assert not answers & seen


def test_a_refused_question_has_no_answer_in_its_passages():
    rng = random.Random(3)
    for _ in range(300):
        found = context.facts(rng, "train", 3)
        for _, answer in found.questions:
            assert sum(answer in sentence for sentence in found.sentences) == 1
