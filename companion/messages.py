"""Messages and chat templates: from a conversation to tokens, and which of them the model writes.

A conversation is a list of dicts with a role and a content. The tokenizer's *chat template* turns
it into one text with marks around every turn. Each model has its own template, and a model only
works with the one that it was trained on. Taught in :doc:`/book/training/instruction-tuning`.

Models such as Qwen3 can reason before they answer. Here they are told not to, unless asked:
reasoning takes hundreds of tokens, and the book's answers are short. See `companion.reasoning`.

Left out: images and sound, templates in which two tokenizers differ.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from companion.chat_template import render, special_tokens
from companion.phrases import CHAT_ROLES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = Mapping[str, Any]


class ChatTokens(NamedTuple):
    """A conversation as tokens."""

    input_ids: list[int]
    """Token ids of the whole conversation."""
    completion_mask: list[int]
    """1 for each token that the assistant writes, the end-of-turn tokens included, else 0."""

    def last_turn(self) -> slice:
        """Return where the assistant's last turn is, its end-of-turn token included."""
        backwards = self.completion_mask[::-1]
        last = backwards.index(1)
        before = next((at for at in range(last, len(backwards)) if not backwards[at]), None)
        start = 0 if before is None else len(backwards) - before
        return slice(start, len(backwards) - last)

    def through_answer(self) -> list[int]:
        """Return the tokens up to the end of the assistant's last turn.

        This is what a model has read and written when it stops, and where a reward model reads
        the reward.
        """
        return self.input_ids[: self.last_turn().stop]


def check_messages(messages: Sequence[Message]) -> None:
    """Check that a conversation has turns, known roles and contents.

    Args:
        messages: Dicts such as ``{"role": "user", "content": "Hello!"}``. Further keys are allowed.

    Raises:
        ValueError: If a message lacks something. It names the message and what is allowed.

    Example:
        >>> check_messages([{"role": "user", "content": "Hello!"}])
        >>> check_messages([{"role": "human", "content": "Hello!"}])
        Traceback (most recent call last):
        ValueError: message 0 has the role 'human'; use one of system, user, assistant, tool
    """
    if isinstance(messages, str | Mapping) or not isinstance(messages, Sequence):
        raise ValueError(
            "messages must be a list of dicts with 'role' and 'content', got "
            f"{type(messages).__name__}"
        )
    if not messages:
        raise ValueError("messages is empty: a conversation needs at least one message")
    for index, message in enumerate(messages):
        _check_message(index, message)


def _check_message(index: int, message: Message) -> None:
    if not isinstance(message, Mapping):
        raise ValueError(
            f"message {index} must be a dict with 'role' and 'content', got {message!r}"
        )
    if message.get("role") not in CHAT_ROLES:
        raise ValueError(
            f"message {index} has the role {message.get('role')!r}; use one of "
            f"{', '.join(CHAT_ROLES)}"
        )
    content = message.get("content")
    if content is None and message.get("tool_calls"):
        return
    if not isinstance(content, str):
        raise ValueError(f"message {index} has no text: its 'content' is {content!r}, not a string")


def prompt_text(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], *, thinking: bool = False
) -> str:
    """Write a conversation as text, up to the place where the assistant's next turn begins.

    Hand the result to `companion.generate`. Taught in
    :doc:`/book/training/instruction-tuning`.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        messages: The conversation so far. The last message is not the assistant's.
        thinking: Whether a model that can reason before it answers shall do so. Templates of other
            models ignore it.

    Returns:
        The text, with the marks of the template.

    Raises:
        ValueError: If the messages are not well formed, or the last one is the assistant's.
        ChatTemplateError: If there is no chat template, or it does not take these messages.
    """
    check_messages(messages)
    if messages[-1]["role"] == "assistant":
        raise ValueError(
            "the last message is the assistant's, so there is nothing to answer; leave it out"
        )
    return render(tokenizer, messages, open_turn=True, thinking=thinking)


def tokenize_chat(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], *, thinking: bool = False
) -> ChatTokens:
    """Tokenize a conversation and mark the tokens that the assistant writes.

    An assistant's turn runs from the end of the prompt that `prompt_text` gives up to and
    including the token that ends the turn. What the template adds after that (a line break, as a
    rule) is not marked: generation stops before it. Taught in
    :doc:`/book/training/instruction-tuning`.

    The turns are found by comparison. What lies between the conversation cut before a turn and
    the one cut after it must be in the whole, too. Templates of models that can reason, such as
    Qwen3's, put an empty block of reasoning into the prompt, and leave it out of earlier turns.
    There the assistant's turn begins behind the prompt without the block.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        messages: The conversation.
        thinking: As in `prompt_text`. True marks a block of reasoning as the assistant's, too.

    Returns:
        Token ids and mask, of the same length.

    Raises:
        ValueError: If the messages are not well formed, or the template does not allow to tell
            the turns apart: it changes what the assistant said when more follows, or ends no turn
            with a special token, so that no model could learn to stop.
        ChatTemplateError: If there is no chat template, or it does not take these messages.
    """
    check_messages(messages)
    input_ids = _encode(tokenizer, render(tokenizer, messages, thinking=thinking))
    mask = [0] * len(input_ids)
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            start, end = _turn(tokenizer, messages, index, input_ids, thinking)
            mask[start:end] = [1] * (end - start)
    return ChatTokens(input_ids, mask)


def end_of_turn_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the token with which the chat template ends the assistant's turn.

    It is often not the tokenizer's EOS. A model that was trained on the template must stop at it.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.

    Returns:
        A token id.

    Raises:
        ValueError: As in `tokenize_chat`.
    """
    content = "Hello"
    turns = [{"role": "user", "content": content}, {"role": "assistant", "content": content}]
    after = _encode(tokenizer, render(tokenizer, turns).rpartition(content)[2])
    return after[_ends(tokenizer, after, 1)[-1]]


def _turn(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Message],
    index: int,
    input_ids: list[int],
    thinking: bool,
) -> tuple[int, int]:
    """Return where the turn of message ``index`` starts, and where it ends, exclusive."""
    if not index:
        raise ValueError(
            "the conversation begins with the assistant; put a user's message in front"
        )

    def prompt(thinking: bool) -> list[int]:
        text = render(tokenizer, messages[:index], open_turn=True, thinking=thinking)
        return _encode(tokenizer, text)

    after = _encode(tokenizer, render(tokenizer, messages[: index + 1], thinking=thinking))
    prompts = [prompt(thinking), prompt(not thinking)]
    alone = [ids for ids in prompts if after[: len(ids)] == ids]
    inside = [ids for ids in prompts if input_ids[: len(ids)] == ids]
    if not alone or not inside:
        raise ValueError(
            f"message {index}: the tokens of the prompt change when the answer follows. Either "
            "the chat template rewrites earlier turns (then train on conversations that end with "
            "the first answer), or it opens reasoning in the prompt (then train on answers with "
            "reasoning, or with another template), or the answer begins with blanks that join the "
            "template's (then strip it)."
        )
    for marker, other in product(alone, inside):
        turn, start = after[len(marker) :], len(other)
        if input_ids[start : start + len(turn)] == turn:
            return start, start + _ends(tokenizer, turn, index)[-1] + 1
    raise ValueError(
        f"message {index}: the chat template writes this turn differently when more messages "
        "follow. Train on conversations that end with this turn."
    )


def _ends(tokenizer: "PreTrainedTokenizerBase", ids: list[int], index: int) -> list[int]:
    """Return where the special tokens of a turn are. The last one ends it."""
    marks = special_tokens(tokenizer)
    ends = [at for at, token in enumerate(ids) if token in marks]
    if not ends:
        raise ValueError(
            f"message {index}: the chat template ends the assistant's turn with no special token, "
            "so a model trained on it can't learn to stop. Use a template that writes "
            f"{tokenizer.eos_token or 'an end-of-turn token'} after the content."
        )
    return ends


def _encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    # The template has written all special tokens. verbose=False: length is checked by the caller.
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def neutralize(tokenizer: "PreTrainedTokenizerBase", text: str) -> str:
    """Remove the texts of special tokens from data, before it becomes part of a prompt.

    A tokenizer turns ``<|user|>`` into the special token wherever it occurs. Data with such a text
    in it could end its own turn and begin another one. Removing goes on until nothing is left to
    remove, since taking one away can make another. Taught in :doc:`/book/prompting/injection`.

    Args:
        tokenizer: The tokenizer that will read the prompt. All its added tokens are removed, since
            these are matched in the text before anything else.
        text: Data from anywhere.

    Returns:
        The text without special tokens.

    Example:
        >>> class Fake:
        ...     def get_added_vocab(self):
        ...         return {"<|end|>": 2}
        >>> neutralize(Fake(), "a<|en<|end|>d|>b")
        'ab'
    """
    before = None
    while text != before:
        before = text
        for token in tokenizer.get_added_vocab():
            text = text.replace(token, "")
    return text
