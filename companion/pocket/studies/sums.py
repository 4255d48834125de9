"""Sums and differences asked in a conversation, and a chat model that is shown how to answer them.

pocket-chat knows sums from pre-training and was never asked for one in a conversation. A few steps
of supervised fine-tuning show it the form. A program tells which answers are right. Taught in
:doc:`/book/training/dpo-grpo`.
"""

import copy
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation
from companion.messages import prompt_text
from companion.pocket.corpus.holdout import held_out
from companion.pocket.tasks import SEED
from companion.rewards import exact_answer
from companion.training.settings import TrainingSettings
from companion.training.sft import sft_trainer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SFT = {"batch_size": 16, "learning_rate": 3e-4}
SHOWN_FORM = 64
"""Sums with their solutions that show the form."""
LONGEST = 8
"""Tokens of an answer."""


def sums(seed: int, split: str, count: int) -> list[dict[str, Any]]:
    """Return sums and differences of numbers below 100 as records with ``prompt`` and ``answer``.

    Args:
        seed: Fixes the sums.
        split: "train", or "eval" for those that no training saw, pre-training included.
        count: Number of records.
    """
    rng = random.Random(f"sums-{seed}-{split}")
    problems = []
    while len(problems) < count:
        a, op, b = rng.randrange(100), rng.choice("+-"), rng.randrange(100)
        a, b = (max(a, b), min(a, b)) if op == "-" else (a, b)
        if held_out(a, op, b) == (split == "eval"):
            asked = {"role": "user", "content": f"What is {a} {op} {b}?"}
            problems.append({"prompt": [asked], "answer": str(a + b if op == "+" else a - b)})
    return problems


def with_solution(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record for supervised fine-tuning: the prompt and the right answer."""
    return {"messages": [*record["prompt"], {"role": "assistant", "content": record["answer"]}]}


def shown_the_form(chat: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> Any:
    """Return a copy of a chat model after a few steps on sums with their solutions."""
    model = copy.deepcopy(chat)
    return tuned(model, tokenizer, sums(1, "train", SHOWN_FORM))


def tuned(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
) -> Any:
    """Train ``model`` in place on every record with its solution, once; returns it in eval mode."""
    solved = [with_solution(record) for record in records]
    steps = len(solved) // SFT["batch_size"]
    sft_trainer(model, tokenizer, solved, TrainingSettings(steps=steps, **SFT)).train()
    return model.eval()


def answers(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
    *,
    temperature: float = 0.0,
    max_new_tokens: int = LONGEST,
    seed: int = SEED,
) -> list[Generation]:
    """Let a model answer each prompt.

    Args:
        model: Any chat model.
        tokenizer: Its tokenizer.
        records: What `sums` returns.
        temperature: 0 for the likeliest answer.
        max_new_tokens: Longest answer.
        seed: Fixes what is drawn.
    """
    params = SamplingParams(max_new_tokens=max_new_tokens, temperature=temperature)
    texts = [prompt_text(tokenizer, record["prompt"]) for record in records]
    generator = torch.Generator().manual_seed(seed)
    return [
        answer
        for first in range(0, len(texts), 64)
        for answer in generate(
            model, tokenizer, texts[first : first + 64], params, generator=generator
        )
    ]


def right(records: Sequence[Mapping[str, Any]], said: Sequence[Generation]) -> torch.Tensor:
    """Return 1 for each right answer and 0 for each other, shape ``(B,)``."""
    return exact_answer(records, [answer.text.strip() for answer in said])
