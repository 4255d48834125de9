"""The tasks that measure a pocket model: held-out prompts, their answers, who is right."""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from transformers import PreTrainedTokenizerBase

from companion.messages import prompt_text
from companion.phrases import CONCLUSION, NOT_THERE

from .corpus import (
    arithmetic,
    chat,
    context,
    demonstrations,
    facts,
    instructions,
    preferences,
    rules,
    tool_calls,
    translation,
)

Item = tuple[str, str]
SEED = 2026


@dataclass(frozen=True)
class Task:
    """One row of the table.

    Args:
        name: What is measured.
        items: Prompts and answers.
        right: Decides from the generated text and the answer.
        max_new_tokens: Longest answer, in tokens.
    """

    name: str
    items: Sequence[Item]
    right: Callable[[str, str], bool]
    max_new_tokens: int = 24


def same_line(text: str, answer: str) -> bool:
    """Tell whether the first line of ``text`` is the answer."""
    return text.strip().split("\n")[0].strip() == answer.strip()


def same_text(text: str, answer: str) -> bool:
    """Tell whether the whole of ``text`` is the answer."""
    return text.strip() == answer.strip()


def last_number(text: str, answer: str) -> bool:
    """Tell whether the number after the conclusion is the answer."""
    match = re.search(rf"{CONCLUSION} (-?\d+)", text.split("\n")[0])
    return match is not None and match[1] == answer


def valid_call(text: str, answer: str) -> bool:
    """Tell whether the first line is JSON with a declared tool's name and arguments."""
    try:
        call = json.loads(text.strip().split("\n")[0])
    except ValueError:
        return False
    return (
        isinstance(call, dict)
        and call.get("name") in tool_calls.DECLARATIONS
        and isinstance(call.get("arguments"), dict)
    )


def _draw(make: Callable[..., Item], count: int, **options: object) -> list[Item]:
    rng = random.Random(SEED)
    return [make(rng, "eval", **options) for _ in range(count)]


def word_problems(count: int) -> list[Task]:
    """Return word problems answered at once and step by step."""
    directly, reasoned, longer = (
        _draw(arithmetic.item, count, reasoning=reasoning, events=events)
        for reasoning, events in ((False, 2), (True, 2), (True, 3))
    )
    return [
        Task("word problems, answered directly", directly, same_line),
        Task("word problems, step by step", reasoned, last_number, 96),
        Task("three-event problems, step by step", longer, last_number, 128),
    ]


def in_context_rules(count: int) -> list[Task]:
    """Return the evaluated rules after 0, 1 and 3 examples, ``count // 2`` items of each rule."""
    return [
        Task(
            f"in-context rules, {examples} example{'s' * (examples != 1)}",
            [
                item
                for rule in rules.EVALUATED_RULES
                for item in _draw(rules.item, count // 2, rule=rule, examples=examples)
            ],
            same_line,
        )
        for examples in (0, 1, 3)
    ]


def tool_requests(count: int) -> list[Task]:
    """Return requests for a tool, judged by form and by content."""
    calls = _draw(tool_calls.item, count)
    return [
        Task("tool call, valid JSON", calls, valid_call, 64),
        Task("tool call, exactly right", calls, same_line, 64),
    ]


def written_instructions(count: int) -> Task:
    """Return instructions with one right output, as the base model reads them."""
    items = [
        item
        for task in instructions.TASKS
        if task != "summarize"
        for item in _draw(instructions.item, count // 10, task=task)
    ]
    return Task("instructions, exact output", items, same_text, 96)


def tasks(count: int = 200) -> list[Task]:
    """Return all tasks of the base model with ``count`` items each; capitals are all there are."""
    capitals = [facts.capital_question(country) for country in facts.CAPITALS]
    return [
        *word_problems(count),
        Task("capitals, zero-shot", capitals, same_line),
        *in_context_rules(count),
        Task("question about a context, unseen names", _draw(context.item, count), same_line),
        *tool_requests(count),
        Task("recalls the name from an earlier turn", _draw(chat.item, count), same_line),
        Task("English to French, sentence exact", _draw(translation.item, count), same_line, 48),
        written_instructions(count),
    ]


def _answer_of(record: dict[str, Any]) -> str:
    return record["messages"][-1]["content"]


def _asked(tokenizer: PreTrainedTokenizerBase, records: Sequence[dict[str, Any]]) -> list[Item]:
    """Return the prompt before the last turn of each conversation, and that turn."""
    return [
        (prompt_text(tokenizer, record["messages"][:-1]), _answer_of(record)) for record in records
    ]


def right_in_any_manner(text: str, answer: str) -> bool:
    """Tell whether ``text`` gives the answer, however friendly or curt."""
    return preferences.manner(text, answer).right


def chat_tasks(tokenizer: PreTrainedTokenizerBase, count: int = 200) -> list[Task]:
    """Return all tasks of the chat model with ``count`` items each.

    An answer ends where the model ends its turn, so a model that does not stop is wrong.
    """

    def drawn(kind: str) -> list[dict[str, Any]]:
        return demonstrations.records(SEED, "eval", count, kind=kind)

    passages = drawn("context")
    calls = [record for record in drawn("tools") if len(record["messages"]) > 3]
    requests = [{"messages": record["messages"][:3]} for record in calls]
    questions = [
        (prompt_text(tokenizer, record["prompt"]), record["answer"])
        for record in preferences.prompts(SEED, "eval", count)
    ]
    problems = [
        (prompt, said.rpartition(" is ")[2].rstrip("."))
        for prompt, said in _asked(tokenizer, drawn("word_problem"))
    ]
    instructed = demonstrations.instruction_records(SEED, "eval", count)
    return [
        Task("instructions, exact output", _asked(tokenizer, instructed), same_text, 96),
        Task("questions, right in any manner", questions, right_in_any_manner, 64),
        Task(
            "question about passages, with its source",
            _asked(tokenizer, [r for r in passages if _answer_of(r) != NOT_THERE]),
            same_text,
            32,
        ),
        Task(
            "says that the passages do not answer",
            _asked(tokenizer, [r for r in passages if _answer_of(r) == NOT_THERE]),
            same_text,
            32,
        ),
        Task("tool call, exactly right", _asked(tokenizer, requests), same_text, 64),
        Task("answer from the tool's result", _asked(tokenizer, calls), same_text, 64),
        Task("recalls what an earlier turn said", _asked(tokenizer, drawn("chat")), same_text, 32),
        Task("word problems", problems, last_number, 128),
        Task("in-context rules", _asked(tokenizer, drawn("rule")), same_text, 24),
    ]


class PreferencePair(NamedTuple):
    """Two answers to a question."""

    prompt: list[dict[str, str]]
    better: str
    worse: str


def pair_tasks(count: int = 200) -> dict[str, list[PreferencePair]]:
    """Return pairs of answers by what makes one of them better, ``count`` of each kind.

    The first kind is what annotators chose, their errors included, so no model can be right about
    all of it; of these there are five times as many, because this is the figure to compare. In
    the others the two answers differ in one thing only.
    """
    chosen = [
        PreferencePair(
            record["prompt"], record["chosen"][0]["content"], record["rejected"][0]["content"]
        )
        for record in preferences.pairs(SEED, "eval", 5 * count)
    ]
    rng = random.Random(SEED)
    tasks: dict[str, list[PreferencePair]] = {
        "the answer that annotators chose": chosen,
        "an answer rather than an evasion": [],
        "right rather than wrong": [],
        "friendly rather than curt": [],
        "friendly rather than rude": [],
    }
    for _ in range(count):
        asked = preferences.question(rng, "eval")
        prompt = [{"role": "user", "content": asked.text}]
        friendly, rude = rng.choice(preferences.OPENINGS), rng.choice(preferences.RUDE)
        sentence, closings = rng.random() < 0.7, rng.choice(((), (preferences.CLOSINGS[0],)))
        say = partial(preferences.reply, asked, sentence=sentence, closings=closings)
        evasion = " ".join((rng.choice(preferences.EVASIONS), *closings))
        for name, better, worse in (
            ("an answer rather than an evasion", say(), evasion),
            ("right rather than wrong", say(), say(right=False)),
            ("friendly rather than curt", say(opening=friendly), say()),
            ("friendly rather than rude", say(opening=friendly), say(opening=rude)),
        ):
            tasks[name].append(PreferencePair(prompt, better, worse))
    return tasks
