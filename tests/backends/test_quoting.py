"""Answers that are quotations: nothing else can be written, and the source is known."""

import pytest
import torch

from companion.backends.local import LocalBackend
from companion.backends.quoting import QuoteConstraint, quote_grammar, with_citation
from companion.chatbot import Chatbot, ChatSettings
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.rag.documents import Document, Hit

FERRY = 'It leaves at 8:15 from "pier" \\ C:\\new.\nDogs {travel} free; \u00e9t\u00e9 \u65e5\u672c.'
BREAD = "Knead for eight minutes. \U0001f35e Let it rise."
PASSAGES = [FERRY, BREAD]
QUESTIONS = ["When does the ferry leave?", "How long do I knead?", "Tell me a story."]


def joined(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("temperature", [0, 2.0])
def test_whatever_is_asked_the_answer_stands_in_one_passage_word_for_word(
    chat, temperature
) -> None:
    params = SamplingParams(temperature=temperature, max_new_tokens=40, n=2 if temperature else 1)
    constraint = QuoteConstraint(*chat, PASSAGES)

    written = generate(*chat, QUESTIONS, params, logits_filter=constraint)

    for one in written:
        if one.finish_reason != "length":
            assert one.text.strip()
            assert any(joined(one.text) in joined(passage) for passage in PASSAGES)


@pytest.mark.parametrize("text", ["one", "one two", "two", "two three", "three"])
def test_any_run_of_words_of_one_passage_can_be_written(chat, text: str) -> None:
    constraint = QuoteConstraint(*chat, ["one two", "two three"])

    assert can_be_written(chat, constraint, text)


@pytest.mark.parametrize("text", ["two two", "one three", "one two three", "two one", "on", ""])
def test_a_quotation_does_not_run_from_one_passage_into_the_next(chat, text: str) -> None:
    constraint = QuoteConstraint(*chat, ["one two", "two three"])

    assert not can_be_written(chat, constraint, text)


def can_be_written(chat, constraint: QuoteConstraint, text: str) -> bool:
    """Tell whether each token of a text, and the end behind it, may come next."""
    model, tokenizer = chat
    ids = [*tokenizer(text, add_special_tokens=False).input_ids, min(constraint.eos_ids)]
    logits = torch.zeros(1, model.config.vocab_size)
    return all(
        constraint(logits, [ids[:place]])[0, token].isfinite() for place, token in enumerate(ids)
    )


@pytest.mark.parametrize("passages", [[], [""], [" \n", "\t"]])
def test_there_must_be_something_to_quote(passages) -> None:
    with pytest.raises(ValueError, match="nothing to quote from"):
        quote_grammar(passages)


def test_the_citation_names_the_first_passage_with_these_words() -> None:
    def pieces(*texts: str):
        yield from texts
        return "the end"

    def read(stream) -> tuple[str, object]:
        found = []
        while True:
            try:
                found.append(next(stream))
            except StopIteration as end:
                return "".join(found), end.value

    assert read(with_citation(pieces("Let it", " rise."), PASSAGES)) == (
        "Let it rise. [2]",
        "the end",
    )
    assert read(with_citation(pieces("new. Dogs"), PASSAGES)) == ("new. Dogs [1]", "the end")
    assert read(with_citation(pieces("no such words"), PASSAGES)) == ("no such words", "the end")
    assert read(with_citation(pieces(" "), PASSAGES)) == (" ", "the end")


def test_closing_the_answer_stops_the_model() -> None:
    closed = []

    def pieces():
        try:
            yield "Let it"
            yield " rise."
        finally:
            closed.append(True)

    stream = with_citation(pieces(), PASSAGES)
    next(stream)
    stream.close()

    assert closed == [True]


class Shelf:
    """Finds its passages, whatever is asked."""

    def __init__(self, *documents: Document) -> None:
        self.documents = documents

    def search(self, query: str, k: int) -> list[Hit]:
        return [Hit(one, 1.0) for one in self.documents[:k]]


SHELF = Shelf(
    Document("Dough\n\nKnead for eight minutes.", {"source": "bread.md", "heading": "Dough"}),
    Document("The ferry leaves at 8:15.", {"source": "ferry.txt", "title": "Ferry"}),
)


def test_a_chat_that_has_to_quote_answers_with_words_of_a_passage_and_its_source(pocket) -> None:
    settings = ChatSettings(SamplingParams(temperature=0, max_new_tokens=30), quote=True)
    bot = Chatbot(pocket, retriever=SHELF, settings=settings)

    reply = bot.ask("Is it raining on the moon?")

    quoted, _, mark = reply.text.rpartition(" ")
    (source,) = reply.sources
    assert joined(quoted) in source.document.text
    assert reply.passages[int(mark[1:-1]) - 1] == source


def test_headings_are_read_and_not_quoted(pocket) -> None:
    seen = []

    class Noted(LocalBackend):
        def quote_from(self, passages: list[str]) -> LocalBackend:
            seen.append(passages)
            return super().quote_from(passages)

    settings = ChatSettings(SamplingParams(temperature=0, max_new_tokens=30), quote=True)
    Chatbot(Noted(pocket.model, pocket.tokenizer), retriever=SHELF, settings=settings).ask("Dough?")

    assert seen == [["Knead for eight minutes.", "The ferry leaves at 8:15."]]


def test_a_chat_quotes_only_if_it_shall_and_has_something_to_quote(pocket) -> None:
    params = SamplingParams(temperature=0, max_new_tokens=30)
    asked = "My name is Tavira."

    free = Chatbot(pocket, retriever=Shelf(), settings=ChatSettings(params, quote=True)).ask(asked)
    own = Chatbot(pocket, retriever=SHELF, settings=ChatSettings(params)).ask(asked)

    assert free.text == "Nice to meet you, Tavira."
    assert not any(own.text == one.text for one in SHELF.documents)
    assert "[" not in free.text
