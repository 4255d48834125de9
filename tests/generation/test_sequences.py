"""A continuation while it grows: when it ends, and what its text is."""

import pytest

from companion.generation.params import SamplingParams
from companion.generation.sequences import Generation, GrowingSequence, decode_text

EOS, FIRST_BYTE = 2, 3


def grown(tokenizer, text: str, *, end: bool = False, **settings: object) -> GrowingSequence:
    """A sequence to which the bytes of a text were appended, and then the end."""
    params = SamplingParams(**{"max_new_tokens": 20} | settings)
    sequence = GrowingSequence("prompt", tokenizer, params, {EOS})
    for number, byte in enumerate(text.encode()):
        sequence.append(FIRST_BYTE + byte, -float(number))
    if end:
        sequence.append(EOS, -0.5)
    return sequence


def test_it_grows_until_it_is_told_to_end(tokenizer) -> None:
    open_end, ended = grown(tokenizer, "ab"), grown(tokenizer, "ab", end=True)

    assert (open_end.finish_reason, open_end.text()) == (None, "ab")
    assert (ended.finish_reason, ended.text()) == ("eos", "ab")
    assert ended.token_ids == [FIRST_BYTE + ord("a"), FIRST_BYTE + ord("b"), EOS]
    assert ended.logprobs == [0.0, -1.0, -0.5]


def test_what_comes_after_the_end_is_ignored(tokenizer) -> None:
    sequence = grown(tokenizer, "ab", end=True)
    sequence.append(FIRST_BYTE + ord("c"), -9.0)

    assert sequence.text() == "ab"
    assert len(sequence.token_ids) == len(sequence.logprobs) == 3


@pytest.mark.parametrize(("text", "reason"), [("abc", "length"), ("ab", None)])
def test_the_length_ends_it(tokenizer, text: str, reason: str | None) -> None:
    assert grown(tokenizer, text, max_new_tokens=3).finish_reason == reason


def test_a_stop_string_ends_it_and_is_cut_off(tokenizer) -> None:
    sequence = grown(tokenizer, "one\n\ntwo", stop=("\n\n",))

    assert (sequence.finish_reason, sequence.text()) == ("stop", "one")
    assert len(sequence.token_ids) == 5  # the tokens of the stop string count


def test_the_end_comes_before_the_stop_string_and_that_before_the_length(tokenizer) -> None:
    stop = grown(tokenizer, "abc", stop=("c",), max_new_tokens=3)
    eos = grown(tokenizer, "ab", end=True, max_new_tokens=3)

    assert (stop.finish_reason, eos.finish_reason) == ("stop", "eos")


def test_a_result_has_all_of_it_and_a_reason(tokenizer) -> None:
    result = grown(tokenizer, "é").result()

    assert result == Generation("prompt", "é", [198, 172], [0.0, -1.0], "length")


def test_special_tokens_are_no_text(tokenizer) -> None:
    assert decode_text(tokenizer, [1, FIRST_BYTE + ord("a"), EOS, 0]) == "a"
    assert decode_text(tokenizer, []) == ""
