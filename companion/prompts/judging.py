"""A language model as judge: which of two answers is better, asked in both orders.

The judge reads a question with two answers, called A and B, and is asked for one letter. Its
verdict is read from the logits, so nothing has to be parsed: the log-odds of the two letters say
which it prefers, and by how much. Which answer stands first changes the verdict (Zheng et al. 2023,
https://arxiv.org/abs/2306.05685), so each pair is judged twice. Taught in
:doc:`/book/applications/evaluation`.

Left out: marks from 1 to 10, ties that the judge may declare, reasons that it gives first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from companion.generation.batching import check_context
from companion.messages import prompt_text
from companion.prompts.templates import fill

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PAIR_PROMPT = (
    "Which answer to the question is better?\n\nQuestion: {question}\n\nAnswer A: {first}\n\n"
    "Answer B: {second}\n\nReply with one letter, A or B."
)
"""A question with two answers, to be judged."""


@dataclass(frozen=True)
class TwoOrders:
    """What a judge says of two answers, one and two, in both orders.

    Args:
        forward: Log-odds of "the first shown is better" with answer one first, in nats.
        swapped: The same with answer two first.
    """

    forward: float
    swapped: float

    @property
    def winner(self) -> str:
        """Return "one" or "two" if both orders say so, else "tie".

        >>> TwoOrders(forward=1.2, swapped=-0.4).winner
        'one'
        >>> TwoOrders(forward=1.2, swapped=0.9).winner  # whichever is first
        'tie'
        """
        if self.forward > 0 > self.swapped:
            return "one"
        return "two" if self.forward < 0 < self.swapped else "tie"

    @property
    def lead(self) -> float:
        """Log-odds for answer one, averaged over both orders: what the order adds cancels."""
        return (self.forward - self.swapped) / 2

    @property
    def order_bias(self) -> float:
        """Log-odds that an answer gets for being shown first."""
        return (self.forward + self.swapped) / 2


@torch.inference_mode()
def word_log_odds(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: Sequence[str],
    words: tuple[str, str] = ("A", "B"),
) -> Tensor:
    """Return by how much a model would rather say one word next than another.

    Args:
        model: A causal language model in eval mode.
        tokenizer: Its tokenizer.
        prompts: Texts after which one of the words is due, special tokens included.
        words: Two words. If a word has several tokens, the first is looked at.

    Returns:
        ``log P(words[0]) - log P(words[1])`` in nats, float32, shape ``(len(prompts),)``.

    Raises:
        ValueError: If both words begin with the same token.
        ContextLengthError: If a prompt exceeds the model's context.
    """
    one, other = (tokenizer(word, add_special_tokens=False).input_ids[0] for word in words)
    if one == other:
        raise ValueError(f"words must begin with different tokens, got {words}")
    odds = []
    for prompt in prompts:
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
        check_context(model.config, ids.shape[1])
        logits = model(ids.to(model.device), logits_to_keep=1).logits[0, -1].float()  # (V,)
        odds.append((logits[one] - logits[other]).cpu())
    return torch.stack(odds) if odds else torch.empty(0)


def judge_pairs(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    pairs: Sequence[tuple[str, str, str]],
    *,
    template: str = PAIR_PROMPT,
) -> list[TwoOrders]:
    """Let a chat model judge pairs of answers, each in both orders.

    Args:
        model: A chat model in eval mode.
        tokenizer: Its tokenizer, with a chat template.
        pairs: ``(question, one, two)`` each.
        template: The user's message, with gaps ``{question}``, ``{first}`` and ``{second}``. It
            asks for the letter A or B.

    Returns:
        One verdict per pair.
    """

    def prompt(question: str, first: str, second: str) -> str:
        content = fill(template, question=question, first=first, second=second)
        return prompt_text(tokenizer, [{"role": "user", "content": content}])

    forward = [prompt(question, one, two) for question, one, two in pairs]
    swapped = [prompt(question, two, one) for question, one, two in pairs]
    odds = word_log_odds(model, tokenizer, forward + swapped).tolist()
    both = zip(odds[: len(pairs)], odds[len(pairs) :], strict=True)
    return [TwoOrders(*one) for one in both]
