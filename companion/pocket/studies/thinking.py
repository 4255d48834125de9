"""Reasoning between marks: a model that has them, its problems, its budget, and what counts.

pocket-chat gets two marks, ``<think>`` and ``</think>``, and is shown on a few easy problems to
reason between them. Taught in :doc:`/book/training/reasoning`. Left out: training by reward; the
experiment ``thinking`` has it.
"""

import copy
import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation
from companion.messages import prompt_text
from companion.models.loading import LoadedModel
from companion.phrases import CONCLUSION
from companion.pocket.corpus import arithmetic
from companion.pocket.corpus.facts import CAPITALS, capital_countries
from companion.pocket.corpus.holdout import Split, held_out
from companion.reasoning import split_reasoning
from companion.rewards import exact_answer
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer

OPEN, CLOSE = "<think>", "</think>"
LIKE = {OPEN: "Let", CLOSE: " The"}  # words that stand where the marks will
EMPTY = "{% if enable_thinking is defined and not enable_thinking %}" + OPEN + CLOSE + "{% endif %}"
LONGEST = 90
ANSWER = 12
BATCH = 128
SHOWN = {"stories": 128, "sums": 32}
SFT = {"batch_size": 16, "learning_rate": 1e-3}
KINDS = {"known stories": False, "free stories": True}
"""Word problems, and whether anything may happen in them in any order."""
Record = dict[str, Any]


def with_marks(loaded: LoadedModel) -> LoadedModel:
    """Return a copy of a pocket model whose vocabulary has the two marks.

    Each new embedding begins as that of a word which the model wrote in such a place. The template
    closes the reasoning at once where thinking is off, as that of Qwen3 does.
    """
    model, tokenizer = copy.deepcopy(loaded.model).float(), copy.deepcopy(loaded.tokenizer)
    like = [tokenizer(word, add_special_tokens=False).input_ids[0] for word in LIKE.values()]
    tokenizer.add_tokens(list(LIKE))
    end = "{% endif %}"  # of the part that opens the assistant's turn
    tokenizer.chat_template = tokenizer.chat_template.removesuffix(end) + EMPTY + end
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        weight[-len(like) :] = weight[like]
    return LoadedModel(model.eval(), tokenizer)


def asked(question: str, thought: str, answer: object) -> Record:
    """Return a record with ``prompt``, ``answer`` and the ``thought`` that leads there."""
    prompt = [{"role": "user", "content": question}]
    return {"prompt": prompt, "thought": thought, "answer": str(answer)}


def word_problems(seed: int, split: Split, count: int, *, free: bool = False) -> list[Record]:
    """Return word problems of two events.

    Args:
        seed: Fixes the problems.
        split: "train", or "eval" for numbers that no training saw.
        count: Number of records.
        free: Whether anything may happen in any order. Otherwise the stories are those of
            pocket-chat's training.
    """
    rng = random.Random(f"thoughts-{seed}-{split}-{free}")
    drawn = [arithmetic.problem(rng, split, free=free) for _ in range(count)]
    return [asked(p.question, p.reasoning.partition(f" {CONCLUSION}")[0], p.answer) for p in drawn]


def sums(seed: int, split: Split, count: int) -> list[Record]:
    """Return sums and differences of numbers below 100, of which a line of reasoning is easy."""
    rng = random.Random(f"thoughts-sums-{seed}-{split}")
    records: list[Record] = []
    while len(records) < count:
        a, b = sorted((rng.randrange(100), rng.randrange(100)), reverse=True)
        op, word, value = rng.choice((("+", "plus", a + b), ("-", "minus", a - b)))
        if held_out(a, op, b) == (split == "eval"):
            records.append(asked(f"What is {a} {op} {b}?", f"{a} {word} {b} is {value}.", value))
    return records


def capitals(split: str) -> list[Record]:
    """Return questions for capitals: "development" (every fifth country) or "held_out"."""
    return [
        asked(
            f"What is the capital of {country}?",
            f"The capital of {country} is {CAPITALS[country]}.",
            CAPITALS[country],
        )
        for country in capital_countries(split)
    ]


def demonstration(record: Mapping[str, Any], *, thinking: bool) -> Record:
    """Return a record for supervised fine-tuning, with reasoning or with an empty block."""
    thought = record["thought"] if thinking else ""
    said = {"role": "assistant", "content": f"{OPEN}{thought}{CLOSE} {record['answer']}"}
    return {"messages": [*record["prompt"], said]}


def rewarded(records: Sequence[Mapping[str, Any]], responses: Sequence[str]) -> Tensor:
    """Return 1 for each right answer behind the reasoning and 0 for each other, shape ``(B,)``."""
    return exact_answer(records, [final_answer(response) for response in responses])


def final_answer(response: str) -> str:
    """Return the answer behind the reasoning; empty if there is none."""
    return split_reasoning(response)[1] if CLOSE in response else ""


def responses(
    loaded: LoadedModel,
    records: Sequence[Mapping[str, Any]],
    *,
    thinking: bool = True,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Generation]:
    """Let a model answer each prompt ``samples`` times, with thinking on or off."""
    texts = [
        prompt_text(loaded.tokenizer, record["prompt"], thinking=thinking)
        for record in records
        for _ in range(samples)
    ]
    return continued(loaded, texts, temperature=temperature, seed=seed)


def continued(
    loaded: LoadedModel,
    texts: Sequence[str],
    *,
    max_new_tokens: int = LONGEST,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[Generation]:
    """Continue texts in batches."""
    params = SamplingParams(max_new_tokens=max_new_tokens, temperature=temperature)
    generator = torch.Generator().manual_seed(seed)
    return [
        generation
        for first in range(0, len(texts), BATCH)
        for generation in generate(
            *loaded[:2], list(texts[first : first + BATCH]), params, generator=generator
        )
    ]


def thought_tokens(loaded: LoadedModel, text: str) -> list[int]:
    """Return the tokens of the reasoning in a response, without marks."""
    return loaded.tokenizer(split_reasoning(text)[0], add_special_tokens=False).input_ids


def forced(
    loaded: LoadedModel,
    records: Sequence[Mapping[str, Any]],
    thoughts: Sequence[str],
    budget: int,
) -> list[str]:
    """Cut reasoning after ``budget`` tokens, close it, and let the model answer.

    Budget forcing of Muennighoff et al. 2025 (s1), https://arxiv.org/abs/2501.19393.

    Args:
        loaded: A model with marks.
        records: What was asked.
        thoughts: The model's responses, of which the reasoning is kept up to the budget.
        budget: Tokens of reasoning, from 0.

    Returns:
        What was kept, the marks, and the new answer, joined for each record.
    """
    begun, texts = [], []
    for record, thought in zip(records, thoughts, strict=True):
        kept = loaded.tokenizer.decode(thought_tokens(loaded, thought)[:budget])
        prompt = prompt_text(loaded.tokenizer, record["prompt"], thinking=True)
        begun.append(f"{OPEN}{kept}{CLOSE}")
        texts.append(prompt + begun[-1])
    more = continued(loaded, texts, max_new_tokens=ANSWER)
    return [start + new.text for start, new in zip(begun, more, strict=True)]


def extended(
    loaded: LoadedModel,
    records: Sequence[Mapping[str, Any]],
    thoughts: Sequence[str],
    *,
    word: str = " Wait.",
) -> list[str]:
    """Take the closing mark away, put a word in its place, and let the model think on.

    Returns:
        The reasoning so far, the word, and what the model wrote after it, joined.
    """
    begun = [f"{OPEN}{split_reasoning(thought)[0]}{word}" for thought in thoughts]
    texts = [
        prompt_text(loaded.tokenizer, record["prompt"], thinking=True) + start
        for record, start in zip(records, begun, strict=True)
    ]
    more = continued(loaded, texts)
    return [start + new.text for start, new in zip(begun, more, strict=True)]


def tuned(loaded: LoadedModel, records: Sequence[Record], learning_rate: float) -> LoadedModel:
    """Train a copy of a model on records with messages, once through."""
    model, tokenizer = copy.deepcopy(loaded.model), loaded.tokenizer
    size = min(SFT["batch_size"], len(records))
    settings = TrainingSettings(
        steps=len(records) // size, batch_size=size, learning_rate=learning_rate
    )
    sft_trainer(model, tokenizer, records, settings).train()
    return LoadedModel(model.eval(), tokenizer)


def shown_to_think(chat: LoadedModel, *, scale: float = 1.0) -> LoadedModel:
    """Return a copy of a chat model that reasons between marks, after a few steps.

    One story in eight and every other sum and capital has an empty block, so that thinking can be
    switched off.
    """
    counts = {name: max(8, round(count * scale)) for name, count in SHOWN.items()}
    stories = word_problems(1, "train", counts["stories"])
    short = [*sums(1, "train", counts["sums"]), *capitals("development")]
    records = [demonstration(story, thinking=at % 8 != 7) for at, story in enumerate(stories)]
    records += [demonstration(record, thinking=at % 2 == 0) for at, record in enumerate(short)]
    return tuned(with_marks(chat), records, SFT["learning_rate"])
