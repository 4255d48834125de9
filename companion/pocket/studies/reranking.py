"""Passages judged by how probable they make a question, and questions that follow another.

The likelihood of a question after a passage is a score of the passage (Sachan et al. 2022, section
2.2). Follow-up questions point back to the one before them, about this book's own pages. Taught in
:doc:`/book/applications/reranking`.

Left out: sampling. Everything is decoded greedily.
"""

from collections.abc import Sequence

import torch

from companion.generation.batching import position_ids
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models.loading import LoadedModel
from companion.prompts.evaluation import evaluate_prompts

from ._items import load_items

ASK = "Passage: {passage}\nPlease write a question based on this passage."


def follow_ups() -> list[tuple[str, str, int]]:
    """Return questions about this book with questions that point back to them.

    Returns:
        The question before, the one that follows it, and the number of the labelled question (of
        `companion.rag.book.load_questions`) that means the same.
    """
    return [(before, after, label) for before, after, label in load_items("follow_ups")["pairs"]]


def question_nats(loaded: LoadedModel, question: str, passages: Sequence[str]) -> list[float]:
    """Return how probable a question is after each passage, log-probabilities in nats.

    Args:
        loaded: A chat model with its tokenizer.
        question: The question, which the model is made to write.
        passages: What it is asked to write a question about.

    Returns:
        One number for each passage, the sum over the tokens of the question.
    """
    model, tokenizer = loaded
    tail = tokenizer(question, add_special_tokens=False).input_ids
    asked = [{"role": "user", "content": ASK.format(passage=text)} for text in passages]
    heads = [prompt_text(tokenizer, [message]) for message in asked]
    rows = [tokenizer(head, add_special_tokens=False).input_ids + tail for head in heads]
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])  # (B, T)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    kept = {"position_ids": position_ids(mask), "logits_to_keep": len(tail) + 1}
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, **kept).logits[:, :-1]
    logprobs = logits.float().log_softmax(dim=-1)  # (B, len(tail), V)
    chosen = logprobs.gather(-1, ids[:, -len(tail) :, None])[..., 0]
    return chosen.sum(dim=-1).tolist()


def write(loaded: LoadedModel, requests: Sequence[str], length: int) -> list[str]:
    """Return what a model writes first, one line for each prompt, greedily.

    Args:
        loaded: A model with its tokenizer.
        requests: The prompts.
        length: Most tokens of a line.
    """
    params = SamplingParams(max_new_tokens=length, temperature=0, stop=("\n",))
    written = evaluate_prompts(
        *loaded, requests, requests, right=lambda text, _: True, params=params, batch_size=16
    )
    return [text.strip() for text in written.texts]
