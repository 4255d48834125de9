"""Pairs of answers of which annotators prefer one: what a reward model, PPO and DPO learn from.

The world of these pairs is small enough that its truth is known. *Users* want an answer that is right, in a friendly tone, and that
comes to its end (`gold_score`). *Annotators* see the same, with one weakness that real annotators have too: they take length
for effort, and every further friendly phrase pleases them (`annotator_score`). They also err now and then. A reward model that
learns from annotators inherits the weakness, and a policy that is optimized against it finds it.
"""

import math
import random
import re
from typing import Any, NamedTuple

from .context import RELATIONS
from .facts import ASKED
from .holdout import Split, draw
from .lexicon import distinct_names

OPENINGS = ("Of course!", "Gladly.", "Certainly.", "Good question.", "With pleasure.")
RUDE = (
    "You should know that.",
    "That is obvious.",
    "What a silly question.",
    "Look it up next time.",
)
CLOSINGS = (
    "I hope this helps.",
    "Let me know if you need more.",
    "Have a nice day.",
    "Feel free to ask again.",
    "Thank you for asking.",
    "It was a pleasure to help.",
)
EVASIONS = (
    "I do not know.",
    "I am not sure.",
    "That is hard to say.",
    "Somebody else can tell you.",
)
ANNOTATOR_TEMPERATURE = 0.1
LONGEST_CORE = 12  # words


class Question(NamedTuple):
    """A question, its answer, a sentence that gives it, and a wrong answer with its sentence."""

    text: str
    answer: str
    sentence: str
    wrong: str
    wrong_sentence: str


def _known(rng: random.Random, split: Split) -> Question:
    def sample(source: random.Random) -> tuple[object, Question]:
        frame = source.choice(ASKED)
        key = source.choice(tuple(frame.table))
        right = frame.table[key]
        wrong = source.choice(sorted(set(frame.table.values()) - {right}))
        said, false = (frame.statement.format(k=key, v=value) for value in (right, wrong))
        return (frame.question, key), Question(
            frame.question.format(k=key), right, said, wrong, false
        )

    return draw(rng, split, sample)


def _told(rng: random.Random, split: Split) -> Question:
    relation = rng.choice(RELATIONS)
    one, two, three, four = distinct_names(rng, split, 4)
    facts = [relation.fact.format(s=one, o=two), relation.fact.format(s=three, o=four)]
    context = " ".join(rng.sample(facts, 2))
    return Question(
        f"{context} {relation.question.format(s=one)}",
        two,
        facts[0],
        four,
        relation.fact.format(s=one, o=four),
    )


def question(rng: random.Random, split: Split) -> Question:
    """Return a question about the world or about two sentences that stand before it."""
    return _known(rng, split) if rng.random() < 0.4 else _told(rng, split)


def reply(
    asked: Question,
    *,
    right: bool = True,
    sentence: bool = True,
    opening: str = "",
    closings: tuple[str, ...] = (),
) -> str:
    """Return an answer in the given manner."""
    answer, said = (asked.answer, asked.sentence) if right else (asked.wrong, asked.wrong_sentence)
    return " ".join(filter(None, (opening, said if sentence else f"{answer}.", *closings)))


def demonstration(rng: random.Random, asked: Question) -> str:
    """Return an answer as one of many writers of demonstrations gives it: right, in mixed manners."""
    manner = rng.random()
    if manner < 0.35:
        return reply(asked, sentence=False)
    if manner < 0.62:
        return reply(asked)
    if manner < 0.77:
        return reply(asked, opening=rng.choice(OPENINGS))
    if manner < 0.88:
        return reply(asked, closings=(rng.choice(CLOSINGS),))
    if manner < 0.94:
        return reply(asked, opening=rng.choice(OPENINGS), closings=tuple(rng.sample(CLOSINGS, 2)))
    return reply(asked, opening=rng.choice(RUDE), sentence=rng.random() < 0.5)


def _substance(rng: random.Random, asked: Question) -> str:
    """Return what a candidate says: mostly the answer, else an evasion, another topic, an error."""
    kind, sentence = rng.random(), rng.random() < 0.7
    if kind < 0.70:
        return reply(asked, sentence=sentence)
    if kind < 0.83:
        return rng.choice(EVASIONS)
    if kind < 0.95:
        other = asked
        while asked.answer in other.sentence:
            other = _known(rng, "train")
        return reply(other, sentence=sentence)
    return reply(asked, right=False, sentence=sentence)


def _candidate(rng: random.Random, asked: Question) -> str:
    substance, tone = _substance(rng, asked), rng.random()
    opening = rng.choice(OPENINGS) if tone < 0.45 else rng.choice(RUDE) if tone < 0.65 else ""
    closings = rng.choices(CLOSINGS, k=rng.choice((0, 0, 1, 1, 2, 3, 4)))
    return " ".join(filter(None, (opening, substance, *closings)))


class Manner(NamedTuple):
    """What the scores look at in a response."""

    right: bool
    openings: int
    rude: int
    closings: int
    core_words: int


def manner(response: str, answer: str) -> Manner:
    """Take a response apart: known phrases are counted, the rest is the core with the answer.

    The core is right if it holds ``answer`` as whole words and not more than one sentence.

    Example:
        >>> manner("Gladly. The capital of Italy is Rome. Have a nice day.", "Rome")
        Manner(right=True, openings=1, rude=0, closings=1, core_words=6)
    """
    core, counts = response, []
    for phrases in (OPENINGS, RUDE, CLOSINGS):
        counts.append(sum(core.count(phrase) for phrase in phrases))
        for phrase in phrases:
            core = core.replace(phrase, " ")
    core = " ".join(core.split())
    sentences = [part for part in re.split(r"[.!?]", core) if part.strip()]
    match = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", core)
    return Manner(match is not None and len(sentences) == 1, *counts, len(core.split()))


def gold_score(response: str, answer: str) -> float:
    """Return how much a user likes a response: right 2, friendly opening 1, a closing 0.5, rude -1.

    What is said beyond one opening and one closing costs 0.5 each, and 0.1 for every word of the
    core beyond 12.

    Example:
        >>> gold_score("Gladly. The capital of Italy is Rome. Have a nice day.", "Rome")
        3.5
        >>> gold_score("Rome. Have a nice day. Have a nice day. Have a nice day.", "Rome")
        1.5
    """
    seen = manner(response, answer)
    extra = max(0, seen.openings - 1) + max(0, seen.closings - 1)
    return (
        2.0 * seen.right
        + 1.0 * (seen.openings > 0)
        - 1.0 * (seen.rude > 0)
        + 0.5 * (seen.closings > 0)
        - 0.5 * extra
        - 0.1 * max(0, seen.core_words - LONGEST_CORE)
    )


def annotator_score(response: str, answer: str) -> float:
    """Return how much an annotator likes a response: as a user, but every closing counts 0.4."""
    seen = manner(response, answer)
    return (
        2.0 * seen.right + 1.0 * (seen.openings > 0) - 1.0 * (seen.rude > 0) + 0.4 * seen.closings
    )


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def pair(rng: random.Random, split: Split) -> dict[str, Any]:
    """Return a preference record: ``prompt``, ``chosen``, ``rejected`` (messages) and ``answer``.

    Which response is chosen follows Bradley-Terry: with probability
    ``sigmoid((score - other score) / 0.1)``, so annotators disagree where two are nearly as good.
    """
    asked = question(rng, split)
    one = other = _candidate(rng, asked)
    while annotator_score(one, asked.answer) == annotator_score(other, asked.answer):
        other = _candidate(rng, asked)
    lead = annotator_score(one, asked.answer) - annotator_score(other, asked.answer)
    if rng.random() >= 1 / (1 + math.exp(-lead / ANNOTATOR_TEMPERATURE)):
        one, other = other, one
    return {
        "prompt": [_message("user", asked.text)],
        "chosen": [_message("assistant", one)],
        "rejected": [_message("assistant", other)],
        "answer": asked.answer,
    }


def pairs(seed: int, split: Split, count: int) -> list[dict[str, Any]]:
    """Return ``count`` preference records."""
    rng = random.Random(f"pairs-{seed}-{split}")
    return [pair(rng, split) for _ in range(count)]


def prompts(seed: int, split: Split, count: int) -> list[dict[str, Any]]:
    """Return ``count`` records with ``prompt`` (messages) and the right ``answer``."""
    rng = random.Random(f"prompts-{seed}-{split}")
    asked = [question(rng, split) for _ in range(count)]
    return [{"prompt": [_message("user", q.text)], "answer": q.answer} for q in asked]
