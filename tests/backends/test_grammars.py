"""A grammar lets only its own texts through, token by token, each row for itself."""

import gc

import pytest
import torch

from companion.backends import grammars
from companion.backends.grammars import GrammarConstraint
from companion.errors import ToolDefinitionError

EOS, FIRST_BYTE, VOCAB = 2, 3, 259
CHOICE = 'start: "ab" | "ac" | "b"'


def letters(logits: torch.Tensor) -> list[str]:
    """What can come next, in each row; the end of a text is a full stop."""
    return [
        "".join(
            "." if token == EOS else chr(token - FIRST_BYTE)
            for token in row.isfinite().nonzero().flatten().tolist()
        )
        for row in logits
    ]


def ids(text: str) -> list[int]:
    return [FIRST_BYTE + ord(letter) for letter in text]


def test_only_what_the_grammar_allows_can_come_next(uniform_model, tokenizer) -> None:
    constraint = GrammarConstraint(uniform_model, tokenizer, CHOICE)
    logits = torch.zeros(1, VOCAB)

    found = [letters(constraint(logits, [ids(text)]))[0] for text in ("", "a", "ac")]

    assert found == ["ab", "bc", "."]
    assert (logits == 0).all()


def test_rows_have_a_place_of_their_own_and_one_that_has_ended_is_left_alone(
    uniform_model, tokenizer
) -> None:
    constraint = GrammarConstraint(uniform_model, tokenizer, CHOICE)

    found = constraint(torch.zeros(3, VOCAB), [ids("a"), [], [*ids("b"), EOS]])

    assert letters(found[:2]) == ["bc", "ab"]
    assert found[2].isfinite().all()


def test_each_row_can_have_a_grammar_of_its_own(uniform_model, tokenizer) -> None:
    constraint = GrammarConstraint(uniform_model, tokenizer, ['start: "x"', 'start: "y"'])

    assert letters(constraint(torch.zeros(2, VOCAB), [[], []])) == ["x", "y"]
    with pytest.raises(ValueError, match="there are 2 grammars for 3 sequences; give one, or"):
        constraint(torch.zeros(3, VOCAB), [[], [], []])


def test_another_text_begins_at_the_start_of_the_grammar(uniform_model, tokenizer) -> None:
    constraint = GrammarConstraint(uniform_model, tokenizer, CHOICE)
    constraint(torch.zeros(1, VOCAB), [ids("ac")])

    assert letters(constraint(torch.zeros(1, VOCAB), [[]])) == ["ab"]
    assert letters(constraint(torch.zeros(1, VOCAB), [ids("b")])) == ["."]


@pytest.mark.parametrize("width", [VOCAB + 41, 120])
def test_a_model_may_have_more_or_fewer_tokens_than_the_tokenizer(
    uniform_model, tokenizer, width: int
) -> None:
    constraint = GrammarConstraint(uniform_model, tokenizer, CHOICE)

    assert letters(constraint(torch.zeros(1, width), [[]])) == ["ab"]


def test_a_token_that_does_not_fit_is_an_error(uniform_model, tokenizer) -> None:
    constraint = GrammarConstraint(uniform_model, tokenizer, CHOICE)

    with pytest.raises(ValueError, match=f"token {ids('z')[0]} does not fit the grammar"):
        constraint(torch.zeros(1, VOCAB), [ids("z")])


@pytest.mark.parametrize(
    ("grammar", "said"),
    [
        ("start: (", "no grammar can be made of this: "),
        ("start: missing", "no grammar can be made of this: "),
        ("start: start", "no grammar can be made of this: no token can come first"),
    ],
)
def test_a_grammar_that_is_none_is_refused_without_its_own_lines(
    uniform_model, tokenizer, grammar: str, said: str
) -> None:
    with pytest.raises(ToolDefinitionError, match=said) as raised:
        GrammarConstraint(uniform_model, tokenizer, grammar)

    assert "|" not in str(raised.value)


def test_a_tokenizer_is_read_once(uniform_model, tokenizer) -> None:
    GrammarConstraint(uniform_model, tokenizer, CHOICE)
    (kept,) = grammars._tokenizers[tokenizer].values()
    GrammarConstraint(uniform_model, tokenizer, 'start: "x"')
    gc.collect()

    assert [*grammars._tokenizers[tokenizer].values()] == [kept]
