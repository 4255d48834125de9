"""Messages and chat templates: from a conversation to tokens, and which of them the model writes.

A conversation is a list of dicts with a role and a content. The tokenizer's *chat template* turns
it into one text with marks around every turn. Each model has its own template, and a model only
works with the one that it was trained on. Taught in :doc:`/book/training/instruction-tuning`.

Left out: images and sound, tool schemas, templates in which two tokenizers differ.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Message = Mapping[str, Any]

ROLES = ("system", "user", "assistant", "tool")


class ChatTokens(NamedTuple):
    """A conversation as tokens."""

    input_ids: list[int]
    """Token ids of the whole conversation."""
    completion_mask: list[int]
    """1 for each token that the assistant writes, the end-of-turn tokens included, else 0."""

    def last_turn(self) -> slice:
        """Return where the assistant's last turn stands, its end-of-turn token included."""
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
    if message.get("role") not in ROLES:
        raise ValueError(
            f"message {index} has the role {message.get('role')!r}; use one of {', '.join(ROLES)}"
        )
    content = message.get("content")
    if content is None and message.get("tool_calls"):
        return
    if not isinstance(content, str):
        raise ValueError(f"message {index} has no text: its 'content' is {content!r}, not a string")


def prompt_text(tokenizer: Any, messages: Sequence[Message]) -> str:
    """Write a conversation as text, up to the place where the assistant's next turn begins.

    Hand the result to `companion.generate`. Taught in
    :doc:`/book/training/instruction-tuning`.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        messages: The conversation so far. The last message is not the assistant's.

    Returns:
        The text, with the marks of the template.

    Raises:
        ValueError: If the messages are not well formed, the last one is the assistant's, or the
            tokenizer has no chat template.
    """
    check_messages(messages)
    if messages[-1]["role"] == "assistant":
        raise ValueError(
            "the last message is the assistant's, so there is nothing to answer; leave it out"
        )
    return _render(tokenizer, messages, open_turn=True)


def tokenize_chat(tokenizer: Any, messages: Sequence[Message]) -> ChatTokens:
    """Tokenize a conversation and mark the tokens that the assistant writes.

    An assistant's turn runs from the end of the prompt that `prompt_text` gives up to and
    including the token that ends the turn. What the template adds after that (a line break, as a
    rule) is not marked: generation stops before it. Taught in
    :doc:`/book/training/instruction-tuning`.

    The turns are found by comparison. The conversation cut before and after a turn must give the
    same tokens as the whole, as far as it goes.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        messages: The conversation.

    Returns:
        Token ids and mask, of the same length.

    Raises:
        ValueError: If the messages are not well formed, or the template does not allow to tell
            the turns apart: it changes earlier turns when later ones follow (templates that drop
            reasoning do), or ends no turn with a special token, so that no model could learn to
            stop.
    """
    check_messages(messages)
    input_ids = _encode(tokenizer, _render(tokenizer, messages))
    mask = [0] * len(input_ids)
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            start, end = _turn(tokenizer, messages, index, input_ids)
            mask[start:end] = [1] * (end - start)
    return ChatTokens(input_ids, mask)


def end_of_turn_id(tokenizer: Any) -> int:
    """Return the token with which the chat template ends the assistant's turn.

    It is often not the tokenizer's EOS. A model that was trained on the template must stop at it.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.

    Returns:
        A token id.

    Raises:
        ValueError: As in `tokenize_chat`.
    """
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello"}]
    return tokenize_chat(tokenizer, turns).through_answer()[-1]


def _turn(
    tokenizer: Any, messages: Sequence[Message], index: int, input_ids: list[int]
) -> tuple[int, int]:
    """Return where the turn of message ``index`` starts, and where it ends, exclusive."""
    before = _encode(tokenizer, _render(tokenizer, messages[:index], open_turn=True))
    after = _encode(tokenizer, _render(tokenizer, messages[: index + 1]))
    if input_ids[: len(before)] != before:
        raise ValueError(
            f"message {index}: the tokens of the prompt change when the answer follows. Either "
            "the chat template rewrites earlier turns (then train on conversations that end with "
            "the first answer), or the answer begins with blanks that join the template's (then "
            "strip it)."
        )
    if input_ids[: len(after)] != after:
        raise ValueError(
            f"message {index}: the chat template writes this turn differently when more messages "
            "follow. Train on conversations that end with this turn."
        )
    marks = tokenizer.added_tokens_decoder  # all_special_ids leaves out those that have no role
    ends = [
        at
        for at in range(len(before), len(after))
        if after[at] in marks and marks[after[at]].special
    ]
    if not ends:
        raise ValueError(
            f"message {index}: the chat template ends the assistant's turn with no special token, "
            "so a model trained on it can't learn to stop. Use a template that writes "
            f"{tokenizer.eos_token or 'an end-of-turn token'} after the content."
        )
    return len(before), ends[-1] + 1


def _render(tokenizer: Any, messages: Sequence[Message], *, open_turn: bool = False) -> str:
    if not messages:
        raise ValueError(
            "the conversation begins with the assistant; put a user's message in front"
        )
    if tokenizer.chat_template is None:
        raise ValueError(
            "this tokenizer has no chat template. Set tokenizer.chat_template, or use the "
            "tokenizer of a chat model."
        )
    return tokenizer.apply_chat_template(
        [dict(message) for message in messages], tokenize=False, add_generation_prompt=open_turn
    )


def _encode(tokenizer: Any, text: str) -> list[int]:
    # The template has written all special tokens. verbose=False: length is checked by the caller.
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def neutralize(tokenizer: Any, text: str) -> str:
    """Remove the texts of special tokens from data, before it becomes part of a prompt.

    A tokenizer turns ``<|user|>`` into the special token wherever it stands. Data with such a text
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
