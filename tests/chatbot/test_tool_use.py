"""What of an unfinished turn may be shown: no call, and nothing that may become one."""

import random
import time

import pytest

from companion.chatbot.reply import Draft
from companion.chatbot.tool_use import speak, visible_length
from companion.reasoning import Reasoning, TakenBack

PIECES = ["\n", "{", '"name"', ":", " ", "[", "<tool_call>", "<tool", "a b", "```", "\t", "1,", "�"]


def test_what_was_shown_need_not_be_looked_at_again() -> None:
    rng = random.Random(0)
    for _ in range(5000):
        text, shown = "", 0
        for piece in rng.choices(PIECES, k=rng.randint(1, 14)):
            text += piece
            length = visible_length(text, shown)

            assert max(shown, length) == max(shown, visible_length(text)), repr(text)
            shown = max(shown, length)


def test_a_long_answer_takes_no_more_time_a_word_than_a_short_one() -> None:
    began, text, shown = time.process_time(), "", 0
    for number in range(40_000):
        text += f"word{number % 97} " + "\n" * (number % 15 == 0)
        shown = max(shown, visible_length(text, shown))

    assert shown == len(text)
    assert time.process_time() - began < 10  # 0.7 s; 54 s if each word looks at all before it


@pytest.mark.parametrize(("text", "told"), [("41? No.", True), ('{"name": "f"}', False)])
def test_reasoning_is_taken_back_if_some_of_it_was_shown(text: str, told: bool) -> None:
    draft = Draft("hi", [])

    pieces = list(speak([text, Reasoning(text, takes_back=True), "42"], draft, visible_length))

    assert any(isinstance(piece, TakenBack) for piece in pieces) == told
    assert "".join(pieces) == (f"{text}42" if told else "42")
    assert draft.pieces == ["42"]
