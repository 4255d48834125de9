"""Conversations in which a user says a name and asks for it later, and whether the answer has it.

What the assistant says before is the same for every model, so that only the last answer differs.
Taught in :doc:`/book/start/pocket-and-open`.

Left out: other facts than names, and conversations that the model itself has led.
"""

import random
import re
from collections.abc import Sequence

from companion.generation.params import SamplingParams
from companion.messages import Message, prompt_text
from companion.models.loading import LoadedModel
from companion.prompts.evaluation import Evaluation, evaluate_prompts

from ._items import load_items

SEED = 5
LONGEST = 32
BATCH = 16


def names(split: str) -> list[str]:
    """Return invented names of users: "development" or "held_out", none of them in both."""
    return load_items("names")[split]


def conversation(name: str, at: int, turns: int) -> list[Message]:
    """Return ``turns`` turns of user and assistant, the first with the name, and the question.

    Args:
        name: Of the user.
        at: Number of the item, which chooses the words.
        turns: Turns before the question.
    """
    stored = load_items("names")
    introduction = stored["introductions"][at % len(stored["introductions"])]
    reply = stored["replies"][at % len(stored["replies"])]
    said = [(introduction.format(name=name), reply.format(name=name))]
    said += random.Random(SEED + at).sample(stored["fillers"], turns - 1)
    messages = [
        {"role": role, "content": text}
        for pair in said
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return [*messages, {"role": "user", "content": stored["question"]}]


def ask_names(loaded: LoadedModel, turns: int, asked: Sequence[str]) -> Evaluation:
    """Ask a chat model for each of some names.

    Args:
        loaded: Model and tokenizer.
        turns: Turns since the name was said, from 1.
        asked: The names, one for each conversation.

    Returns:
        The answers, decoded greedily, and how many of them recall the name.
    """
    prompts = [
        prompt_text(loaded.tokenizer, conversation(name, at, turns))
        for at, name in enumerate(asked)
    ]
    params = SamplingParams(max_new_tokens=LONGEST, temperature=0)
    return evaluate_prompts(*loaded, prompts, asked, right=recalls, params=params, batch_size=BATCH)


def mentions(text: str, name: str) -> bool:
    """Tell whether a text has the name in it, whatever it says about it."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def recalls(text: str, name: str) -> bool:
    """Tell whether a text says that the name is the user's, and not the model's own.

    Example:
        >>> recalls("Your name is Amara.", "Amara"), recalls("My name is Amara.", "Amara")
        (True, False)
    """
    own = rf"\b(?:my name is|I am|I['\u2019]m|call me)\s+{re.escape(name)}\b"
    return mentions(text, name) and re.search(own, text, re.IGNORECASE) is None
