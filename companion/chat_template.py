"""Apply a chat template, and say in plain words why one can't be applied.

A chat template is a program that comes with the tokenizer. It may refuse a conversation (no system
message, roles that do not alternate), or have a mistake. Whatever it raises becomes a
`ChatTemplateError` that names the message and the remedy. Taught in
:doc:`/book/training/instruction-tuning`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from companion.errors import ChatTemplateError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = Mapping[str, Any]


def render(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Message],
    *,
    open_turn: bool = False,
    thinking: bool = False,
    tools: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """Write a conversation as text.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.
        messages: The conversation, at least one message.
        open_turn: Whether to go on to where the assistant's next turn begins.
        thinking: What templates of models that can reason before they answer are told
            (``enable_thinking`` for Qwen3, GLM and SmolLM3, ``thinking`` for Granite and
            DeepSeek). Others ignore it.
        tools: Declarations of tools, for a template that knows of them.

    Returns:
        The text, with the marks of the template.

    Raises:
        ChatTemplateError: If there is no template, or it refuses, or it has a mistake.
    """
    if tokenizer.chat_template is None:
        raise ChatTemplateError(
            "this tokenizer has no chat template. Set tokenizer.chat_template, or use the "
            "tokenizer of a chat model."
        )

    def apply(part: Sequence[Message]) -> str:
        return tokenizer.apply_chat_template(
            [dict(message) for message in part],
            tokenize=False,
            add_generation_prompt=open_turn,
            enable_thinking=thinking,
            thinking=thinking,
            **({"tools": tools} if tools else {}),
        )

    try:
        return apply(messages)
    except ImportError:  # jinja2 is missing: no fault of the template
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ChatTemplateError(
            f"the chat template can't write this conversation: {_problem(apply, messages)}. "
            f"It says: {type(error).__name__}: {reason}"
        ) from error


def turn_tokens(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Return the special tokens that the chat template writes around turns.

    A base model has met none of them. What trains a few parameters of it has to train their
    embeddings as well (`companion.adapters.train_tokens`). Taught in
    :doc:`/book/training/lora`.

    Args:
        tokenizer: A `transformers` tokenizer with a chat template.

    Returns:
        Token ids in ascending order; none if the marks of the template are plain text.

    Raises:
        ChatTemplateError: As in `render`.
    """
    turns = [{"role": role, "content": "Hello"} for role in ("user", "assistant")]
    written = tokenizer(render(tokenizer, turns), add_special_tokens=False)["input_ids"]
    return sorted(special_tokens(tokenizer).intersection(written))


def special_tokens(tokenizer: "PreTrainedTokenizerBase") -> set[int]:
    """Return the ids of all special tokens, also of those that have no role such as EOS."""
    return {token for token, mark in tokenizer.added_tokens_decoder.items() if mark.special}


def _problem(apply: Callable[[Sequence[Message]], str], messages: Sequence[Message]) -> str:
    """Find out by trial what the template does not take."""

    def works(part: Sequence[Message]) -> bool:
        try:
            apply(part)
        except Exception:
            return False
        return True

    if not works([{"role": "user", "content": "Hello"}]):
        return (
            "it fails even for one message of a user, so it has a mistake. Set "
            "tokenizer.chat_template to the template that was published with the model"
        )
    roles = [message["role"] for message in messages]
    if roles[0] == "system" and (len(roles) == 1 or works(messages[1:])):
        return (
            "message 0: it takes no system message. Put its text in front of the first message of "
            "the user, or leave it out"
        )
    start = next((at for at, role in enumerate(roles) if role != "system"), 0)
    stops = (at for at in range(start, len(roles)) if not works(messages[: at + 1]))
    at = next(stops, len(roles) - 1)
    if at == start and roles[at] != "user":
        return f"message {at}: after the system message it wants the user, not {roles[at]!r}"
    if at > start and roles[at] == roles[at - 1]:
        return (
            f"messages {at - 1} and {at} are both the {roles[at]}'s, and it wants the roles to "
            "alternate. Join the two"
        )
    if roles[at] == "tool" or messages[at].get("tool_calls"):
        return f"message {at}: it knows no calls of tools. Write calls and results as text"
    return f"message {at}: it does not take this message of the {roles[at]}"
