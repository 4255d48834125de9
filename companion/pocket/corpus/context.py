"""Questions about a short text full of made-up names: the answer is in the text or nowhere.

This is what retrieval-augmented generation needs: read, do not recall. Three forms are mixed: plain facts followed by many
questions, a retrieval prompt with one question, and retrieval prompts whose text does not hold the answer.
"""

import random
from typing import NamedTuple

from companion.phrases import NOT_THERE, RETRIEVAL_PROMPT

from .holdout import Split
from .lexicon import distinct_names


class Relation(NamedTuple):
    """A sentence frame with its question: ``{s}`` is the subject, ``{o}`` the object."""

    fact: str
    question: str
    reverse: str = ""


RELATIONS = (
    Relation("{s} lives in {o}.", "Where does {s} live?", "Who lives in {o}?"),
    Relation("{s} was born in {o}.", "Where was {s} born?", "Who was born in {o}?"),
    Relation("{s} works for {o}.", "Who does {s} work for?", "Who works for {o}?"),
    Relation(
        "{s} has a dog called {o}.", "What is the dog of {s} called?", "Whose dog is called {o}?"
    ),
    Relation(
        "{s} is the capital of {o}.", "What is {s} the capital of?", "What is the capital of {o}?"
    ),
    Relation("{s} was founded by {o}.", "Who founded {s}?", "What did {o} found?"),
    Relation("{s} is married to {o}.", "Who is {s} married to?", "Who is married to {o}?"),
    Relation("{s} studied in {o}.", "Where did {s} study?", "Who studied in {o}?"),
    Relation("{s} sells {o}.", "What does {s} sell?", "Who sells {o}?"),
    Relation("{s} speaks {o}.", "Which language does {s} speak?", "Who speaks {o}?"),
    Relation(
        "The best friend of {s} is {o}.",
        "Who is the best friend of {s}?",
        "Whose best friend is {o}?",
    ),
    Relation("{s} likes to eat {o}.", "What does {s} like to eat?", "Who likes to eat {o}?"),
    Relation(
        "The password for {s} is {o}.",
        "What is the password for {s}?",
        "What is {o} the password for?",
    ),
    Relation(
        "The river that flows through {s} is called {o}.",
        "Which river flows through {s}?",
        "Which place does the {o} flow through?",
    ),
)


class Facts(NamedTuple):
    """Sentences and the questions they answer."""

    sentences: list[str]
    questions: list[tuple[str, str]]


def facts(rng: random.Random, split: Split, count: int, *, reverse: float = 0.3) -> Facts:
    """Return ``count`` facts about different made-up names, of one relation or of several.

    Each has a question for its object and, in a share of ``reverse``, one for its subject.
    """
    names = distinct_names(rng, split, 2 * count)
    relations = (
        [rng.choice(RELATIONS)] * count
        if rng.random() < 0.5
        else [rng.choice(RELATIONS) for _ in range(count)]
    )
    sentences, questions = [], []
    for relation, subject, obj in zip(relations, names[::2], names[1::2], strict=True):
        sentences.append(relation.fact.format(s=subject, o=obj))
        questions.append((relation.question.format(s=subject), obj))
        if rng.random() < reverse:
            questions.append((relation.reverse.format(o=obj), subject))
    rng.shuffle(questions)
    return Facts(sentences, questions)


def _plain(rng: random.Random, split: Split, *, reverse: float = 0.3) -> str:
    known = facts(rng, split, rng.randint(2, 6), reverse=reverse)
    lines = [" ".join(known.sentences)]
    if rng.random() < 0.3:
        lines = ["Context: " + lines[0]]
    asked = known.questions * 2
    for question, answer in asked[: rng.randint(4, 8)]:
        lines.append(f"Question: {question}\nAnswer: {answer}")
    return "\n".join(lines)


def retrieval_prompt(passages: list[str], question: str) -> str:
    """Return the prompt that the retrieval pages use, up to ``Answer:``."""
    listed = "\n".join(f"[{i}] {passage}" for i, passage in enumerate(passages, 1))
    return RETRIEVAL_PROMPT.format(context=listed, question=question) + "\nAnswer:"


def _retrieval(rng: random.Random, split: Split) -> str:
    known = facts(rng, split, rng.randint(2, 5))
    question, answer = rng.choice(known.questions)
    passages = list(known.sentences)
    if rng.random() < 0.2:
        passages = [sentence for sentence in passages if answer not in sentence]
        answer = NOT_THERE
    if rng.random() < 0.5:
        return retrieval_prompt(passages, question) + f" {answer}"
    source = next((i for i, sentence in enumerate(passages, 1) if answer in sentence), None)
    return retrieval_prompt(passages, question) + f" {answer}" + (f" [{source}]" if source else "")


def document(rng: random.Random, split: Split) -> str:
    """Return one training document."""
    return _retrieval(rng, split) if rng.random() < 0.2 else _plain(rng, split)


def reverse_document(rng: random.Random, split: Split) -> str:
    """Return plain facts where every one is also asked for from its other end."""
    return _plain(rng, split, reverse=1.0)


def item(rng: random.Random, split: Split) -> tuple[str, str]:
    """Return a prompt with 2 to 6 facts and one question, and the name that answers it."""
    known = facts(rng, split, rng.randint(2, 6))
    question, answer = known.questions[0]
    return f"{' '.join(known.sentences)}\nQuestion: {question}\nAnswer:", answer
