"""The tokenizer writes any text, splits digits and keeps its special tokens apart."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.pocket.corpus import documents
from companion.pocket.tokenizer import PAD, SPECIAL_TOKENS, train_tokenizer

TOKENIZER = train_tokenizer(
    (document.text for document in islice(documents(0), 400)), vocab_size=600
)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back_unchanged(text):
    assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


def test_each_digit_is_a_token():
    assert TOKENIZER.tokenize("2047") == ["2", "0", "4", "7"]


def test_special_tokens_are_single_ids():
    assert [len(TOKENIZER(token)["input_ids"]) for token in SPECIAL_TOKENS] == [1] * len(
        SPECIAL_TOKENS
    )


def test_padding_is_not_the_end_of_text():
    assert TOKENIZER.pad_token == PAD
    assert TOKENIZER.pad_token_id != TOKENIZER.eos_token_id


def test_nothing_is_added_around_a_text():
    assert TOKENIZER.decode(TOKENIZER("a")["input_ids"]) == "a"


def test_the_chat_template_ends_each_turn_and_opens_the_reply():
    text = TOKENIZER.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )

    assert text == "<|user|>\nHi<|end|>\n<|assistant|>\n"


def test_training_is_deterministic():
    texts = [document.text for document in islice(documents(1), 100)]

    assert (
        train_tokenizer(texts, vocab_size=400).get_vocab()
        == train_tokenizer(texts, vocab_size=400).get_vocab()
    )


def test_a_vocabulary_without_room_is_refused():
    with pytest.raises(ValueError, match="vocab_size must be over 263"):
        train_tokenizer(["a"], vocab_size=256)
