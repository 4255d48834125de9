"""Conversations in which an assistant does what it is asked: the demonstrations of instruction tuning.

The tasks are those of pre-training, now as messages with roles. Every record ends with the assistant's turn; whatever the assistant
says in it is right.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from companion.phrases import NOT_THERE, TOOLS_PROMPT, TRIGGER

from . import arithmetic, chat, context, instructions, preferences, rules, spelling, tool_calls
from .facts import question
from .holdout import Split
from .lexicon import COMMON_WORDS, made_up_word

Messages = list[dict[str, str]]


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def instruction_message(instruction: str, given: str) -> str:
    """Return the user's message for an instruction and its input, which may be empty."""
    return f"{instruction}\n{given}" if given else instruction


def _instruction(rng: random.Random, split: Split) -> Messages:
    instruction, given, output = instructions.record(rng, split)
    return [_user(instruction_message(instruction, given)), _assistant(output)]


def _question(rng: random.Random, split: Split) -> Messages:
    asked = preferences.question(rng, split)
    return [_user(asked.text), _assistant(preferences.demonstration(rng, asked))]


def _context(rng: random.Random, split: Split) -> Messages:
    """Return one to three questions about numbered passages, each answer with its source."""
    known = context.facts(rng, split, rng.randint(1, 5))
    passages = list(known.sentences)
    (asked, answer), *further = known.questions[:3]
    if len(passages) > 1 and rng.random() < 0.25:
        passages = [sentence for sentence in passages if answer not in sentence]
        further = []

    def said(answer: str) -> str:
        source = next((i for i, sentence in enumerate(passages, 1) if answer in sentence), None)
        return NOT_THERE if source is None else f"{answer}. [{source}]"

    prompt = context.retrieval_prompt(passages, asked).removesuffix("\nAnswer:")
    messages = [_user(prompt), _assistant(said(answer))]
    for asked, answer in further:
        messages += [_user(asked), _assistant(said(answer))]
    return messages


def _tools(rng: random.Random, split: Split) -> Messages:
    if rng.random() < 0.15:
        asked, answer = question(rng)
        return [
            {"role": "system", "content": TOOLS_PROMPT + tool_calls.declare(rng, None)},
            _user(asked),
            _assistant(f"{answer}."),
        ]
    exchange = tool_calls.exchange(rng, split)
    return [
        {"role": "system", "content": TOOLS_PROMPT + tool_calls.declare(rng, exchange.tool)},
        _user(exchange.request),
        _assistant(tool_calls.call(exchange)),
        {"role": "tool", "content": json.dumps(exchange.result)},
        _assistant(exchange.answer),
    ]


def _chat(rng: random.Random, split: Split) -> Messages:
    details = rng.sample(list(chat.DETAILS), rng.randint(1, 3))
    turns = chat.conversation(rng, split, details=details, fillers=rng.randint(0, 3))
    return [message for user, reply in turns for message in (_user(user), _assistant(reply))]


def _word_problem(rng: random.Random, split: Split) -> Messages:
    problem = arithmetic.problem(rng, split, events=rng.choice((2, 2, 3)))
    asked = problem.question + (f" {TRIGGER}" if rng.random() < 0.5 else "")
    return [_user(asked), _assistant(problem.reasoning)]


def _rule(rng: random.Random, split: Split) -> Messages:
    shown, answer = rules.item(
        rng, split, rule=rng.choice(tuple(rules.RULES)), examples=rng.randint(2, 4)
    )
    return [_user(f"Complete the last line.\n{shown}"), _assistant(answer)]


def _letters(rng: random.Random, split: Split) -> Messages:
    """Return a task that is done letter by letter, so that the model can also do it on new words."""
    form = rng.choice(("spell", "read", "repeat", "upper", "list"))
    if form in ("spell", "read"):
        word = rng.choice(COMMON_WORDS)  # of either side, as in pre-training
        letters = spelling.spell(word)
        return (
            [_user(f"Spell the word {word}."), _assistant(letters)]
            if form == "spell"
            else [_user(f"Which word is spelled {letters}?"), _assistant(word)]
        )
    words = [made_up_word(rng, split, syllables=(1, 2)) for _ in range(rng.randint(2, 5))]
    text = " ".join(words)
    asked, given, said = {
        "repeat": ("Repeat the text.", text, text),
        "upper": ("Write the text in capital letters.", text, text.upper()),
        "list": (
            "Turn the words into a list with one item on each line.",
            ", ".join(words),
            "\n".join(f"- {word}" for word in words),
        ),
    }[form]
    return [_user(instruction_message(asked, given)), _assistant(said)]


KINDS: dict[str, tuple[Callable[[random.Random, Split], Messages], float]] = {
    "instruction": (_instruction, 0.27),
    "question": (_question, 0.10),
    "context": (_context, 0.18),
    "tools": (_tools, 0.15),
    "chat": (_chat, 0.08),
    "word_problem": (_word_problem, 0.07),
    "rule": (_rule, 0.08),
    "letters": (_letters, 0.07),
}
"""What makes a conversation of each kind, and how often it is drawn relative to the others."""


def record(rng: random.Random, split: Split, *, kind: str | None = None) -> dict[str, Any]:
    """Return one conversation, ``{"messages": [...], "kind": ...}``.

    Args:
        rng: Source of randomness.
        split: ``"train"``, or ``"eval"`` for items that training never sees.
        kind: A key of `KINDS`; drawn by their weights by default.

    Raises:
        ValueError: If ``kind`` is unknown.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {sorted(KINDS)}, got {kind!r}")
    chosen = kind or rng.choices(tuple(KINDS), weights=[weight for _, weight in KINDS.values()])[0]
    return {"messages": KINDS[chosen][0](rng, split), "kind": chosen}


def records(
    seed: int, split: Split, count: int, *, kind: str | None = None
) -> list[dict[str, Any]]:
    """Return ``count`` conversations; the same ones for the same arguments."""
    rng = random.Random(f"demonstrations-{seed}-{split}-{kind}")
    return [record(rng, split, kind=kind) for _ in range(count)]


def instruction_records(seed: int, split: Split, count: int) -> list[dict[str, Any]]:
    """Return ``count`` single-turn records with one right output each, tasks in equal shares.

    Summaries are left out, and so is word counting: the first has many right outputs, and the
    second is beyond the pocket models.

    Returns:
        Records with ``messages``, ``task`` and the parts ``instruction``, ``input``, ``output``.
    """
    rng = random.Random(f"instructions-{seed}-{split}")
    tasks = [task for task in instructions.TASKS if task not in ("summarize", "count")]
    records = []
    for index in range(count):
        task = tasks[index % len(tasks)]
        instruction, given, output = instructions.record(rng, split, task=task)
        messages = [_user(instruction_message(instruction, given)), _assistant(output)]
        records.append(
            {
                "messages": messages,
                "task": task,
                "instruction": instruction,
                "input": given,
                "output": output,
            }
        )
    return records
