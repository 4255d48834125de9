"""Instructions with short answers, what a model answers, and how much of an answer is right.

Taught in :doc:`/book/training/instruction-tuning`.
"""

from typing import TYPE_CHECKING, Any

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation
from companion.messages import prompt_text
from companion.pocket.corpus import demonstrations

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TASKS = ("answer", "past", "polite", "name", "sentiment", "translate")
"""What is asked for, a template of several phrasings for each."""
LONGEST = 32


def short_records(seed: int, split: str, count: int) -> list[dict[str, Any]]:
    """Return instruction records of `TASKS`, in equal shares.

    Args:
        seed: Fixes the records.
        split: "train", or "eval" for those that no training saw.
        count: Number of records.

    Returns:
        Records with ``messages``, ``task`` and ``output``, as
        `companion.pocket.corpus.demonstrations` has them.
    """
    rounds = -(-count // len(TASKS))
    drawn = demonstrations.instruction_records(seed, split, 10 * rounds)
    return [record for record in drawn if record["task"] in TASKS][:count]


def answered(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", records: list[dict[str, Any]]
) -> list[Generation]:
    """Answer the instruction of each record greedily, through the chat template.

    Args:
        model: Any chat model.
        tokenizer: Its tokenizer.
        records: What `short_records` returns.
    """
    prompts = [prompt_text(tokenizer, record["messages"][:-1]) for record in records]
    params = SamplingParams(max_new_tokens=LONGEST, temperature=0.0)
    return generate(model, tokenizer, prompts, params)


def judged(records: list[dict[str, Any]], answers: list[Generation]) -> dict[str, float]:
    """Judge answers by the output of each record.

    Args:
        records: What was asked.
        answers: What `answered` returns for it.

    Returns:
        Shares of the answers that are ``exact``, that ``begins_right`` (whatever follows) and that
        ``stopped`` by themselves, and their mean length in ``tokens``.
    """
    texts = [answer.text.strip() for answer in answers]
    wanted = [record["output"] for record in records]
    exact = sum(text == output for text, output in zip(texts, wanted, strict=True))
    begins = sum(text.startswith(output) for text, output in zip(texts, wanted, strict=True))
    stopped = sum(answer.finish_reason == "eos" for answer in answers)
    tokens = sum(len(answer.token_ids) for answer in answers)
    counts = {"exact": exact, "begins_right": begins, "stopped": stopped, "tokens": tokens}
    return {name: count / len(records) for name, count in counts.items()}
