"""What all answers have: an identifier, how each text ended, numbers of tokens."""

import pytest

from companion.generation.params import SamplingParams
from companion.serving.answer import Answer
from companion.serving.batch import Part, Token
from companion.serving.order import Order, Served


class Kind(Answer):
    kind, mark = "some_kind", "some"


@pytest.fixture
def served_fake(uniform_model, tokenizer) -> Served:
    return Served(uniform_model, tokenizer, "small")


def order(top: int | None = None) -> Order:
    return Order(["ab", "c"], [[1, 2], [3]], SamplingParams(n=2), seed=0, top=top)


def part(row: int, finish: str | None = None) -> Part:
    return Part(row, "x", Token(100, -0.5, []), finish)


def test_each_answer_has_an_identifier_of_its_own(served_fake: Served) -> None:
    one, other = Kind(order(), served_fake), Kind(order(), served_fake)

    assert one.head["id"].startswith("some-")
    assert one.head["id"] != other.head["id"]
    assert (one.head["object"], one.head["model"]) == ("some_kind", "small")


def test_tokens_are_counted_over_all_prompts_and_all_texts(served_fake: Served) -> None:
    answer = Kind(order(), served_fake)
    for row in (0, 1, 1, 3):
        answer.add(part(row))

    assert answer.usage() == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def test_each_text_ends_in_the_words_of_the_protocol(served_fake: Served) -> None:
    answer = Kind(order(), served_fake)
    for row, finish in enumerate(("eos", "stop", "length", None)):
        answer.add(part(row, finish))

    assert answer.finishes == ["stop", "stop", "length", ""]


@pytest.mark.parametrize(("top", "kept"), [(None, 0), (0, 2), (3, 2)])
def test_tokens_are_kept_only_where_they_are_told(
    served_fake: Served, top: int | None, kept: int
) -> None:
    answer = Kind(order(top), served_fake)
    answer.add(part(2))
    answer.add(part(2))

    assert [len(tokens) for tokens in answer.tokens] == [0, 0, kept, 0]


def test_a_token_is_named_by_its_text(served_fake: Served) -> None:
    answer = Kind(order(), served_fake)

    assert answer.named(3 + ord("a")) == "a"
    assert answer.named(3 + "é".encode()[0]) == "\ufffd"
