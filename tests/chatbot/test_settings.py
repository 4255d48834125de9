"""The settings of a chatbot are checked."""

import pytest

from companion.chatbot import ChatSettings
from companion.chatbot.settings import default_params
from companion.generation.params import SamplingParams


@pytest.mark.parametrize(
    ("field", "least"), [("k", 1), ("max_steps", 1), ("max_context_tokens", 1), ("past_turns", 0)]
)
def test_settings_are_checked(field: str, least: int) -> None:
    ChatSettings(**{field: least})
    said = f"{field} must be a whole number from {least}, got {least - 1}"
    with pytest.raises(ValueError, match=said):
        ChatSettings(**{field: least - 1})


def test_one_answer_only() -> None:
    with pytest.raises(ValueError, match="n must be 1, got 2"):
        ChatSettings(SamplingParams(n=2))


@pytest.mark.parametrize(
    ("context", "tokens"), [(1, 1), (7, 1), (512, 64), (2048, 256), (10**6, 256)]
)
def test_without_settings_it_is_greedy_and_brief(context: int, tokens: int) -> None:
    params = default_params(context)

    assert (params.temperature, params.max_new_tokens, params.n) == (0, tokens, 1)
