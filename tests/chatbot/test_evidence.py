"""What a chat answers from: passages, the conversation, or nothing; and what it then says."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from companion.chatbot import Chatbot, ChatSettings, Turn, storage
from companion.chatbot.evidence import Evidence, gather, points_back, with_context
from companion.chatbot.small_talk import SmallTalk
from companion.errors import ConversationError
from companion.rag import Document, Embedder, Hit
from companion.rag.answers import NOT_FOUND
from companion.rag.close import ClosePassages
from companion.rag.desk import Desk
from companion.rag.documents import passage
from companion.rag.library import Library
from companion.rag.sentences import split_sentences
from companion.tools import Toolbox
from companion.tools.calculator import calculator
from tests.chatbot.messages import FIRST, HELD_OUT, HOTEL, SECOND, Messages


def is_greeting(text: str) -> bool:
    return text.startswith(("Hello", "Thanks"))


STRICT = ChatSettings(small_talk=is_greeting)


def test_what_is_in_no_document_is_not_asked_of_the_model(scripted, retriever) -> None:
    bot = Chatbot(scripted("Lima."), retriever=retriever("Ann sings."), settings=STRICT)

    pieces = list(bot.stream("capital of Peru?"))

    assert pieces == [NOT_FOUND]
    assert bot.backend.seen == []
    assert (bot.reply.text, bot.reply.found, bot.reply.sources) == (NOT_FOUND, False, ())
    turn = bot.conversation.turns[0]
    assert (turn.messages[-1]["content"], turn.found) == (NOT_FOUND, False)
    assert storage.from_json(storage.to_json(bot.conversation)) == bot.conversation


def test_small_talk_is_answered_and_not_searched(scripted, retriever) -> None:
    bot = Chatbot(scripted("Hi!"), retriever=retriever("Hello Ann."), settings=STRICT)

    reply = bot.ask("Hello Ann.")

    assert (reply.text, reply.found, reply.passages) == ("Hi!", True, ())
    assert bot.retriever.queries == []


def test_without_documents_the_model_is_asked(scripted) -> None:
    desk = Desk(None, make_embedder=None)

    assert Chatbot(scripted("Lima."), retriever=desk, settings=STRICT).ask("Peru?").found


def test_a_folder_that_is_empty_for_a_while_still_holds_the_documents(
    scripted, tmp_path: Path, embedder: Embedder
) -> None:
    note = tmp_path / "a.txt"
    note.write_text("The ferry to Marstal leaves at nine.")
    library = Library(tmp_path, embedder)
    for retriever in (library, Desk(library, lambda: embedder)):
        bot = Chatbot(scripted("Lima."), retriever=retriever, settings=STRICT)
        note.unlink()
        assert (bot.ask("capital of Peru?").text, bot.backend.seen) == (NOT_FOUND, [])
        note.write_text("The ferry to Marstal leaves at ten.")
        assert "ten" in bot.ask("When does the ferry to Marstal leave?").passages[0].text


def test_a_refusal_of_the_model_has_no_sources(scripted, retriever) -> None:
    refusing = scripted("The context does not say. [1]")
    bot = Chatbot(refusing, retriever=retriever("Ann sings."), settings=STRICT)

    reply = bot.ask("When was Ann born?")

    assert (reply.found, reply.sources, len(reply.passages)) == (False, (), 1)


@pytest.mark.parametrize(
    ("answer", "shown", "unknown"),
    [
        ("Oslo [7]. Yes [1] [2].", "Oslo. Yes [1].", (7, 2)),
        ("Oslo [1, 9] it is.", "Oslo [1] it is.", (9,)),
        ("Oslo. [5]", "Oslo.", (5,)),
        ("Oslo, see a[0] there [1].", "Oslo, see a[0] there [1].", ()),
        ("Oslo [not sure].", "Oslo [not sure].", ()),
    ],
)
def test_invented_citations_are_told_and_never_shown(
    answer: str, shown: str, unknown: tuple, scripted, retriever
) -> None:
    bot = Chatbot(scripted(answer), retriever=retriever("Ann lives in Oslo."), settings=STRICT)

    assert told(bot, "Where does Ann live?") == (shown, answer, unknown)
    assert bot.conversation.turns[0].unknown_citations == list(unknown)


def told(bot: Chatbot, question: str) -> tuple[str, str, tuple]:
    """Ask, and return what was streamed, what is kept, and the citations that are invented."""
    pieces = "".join(bot.stream(question))
    return pieces, bot.reply.text, bot.reply.unknown_citations


def test_a_question_that_points_back_is_searched_with_the_one_before(scripted, retriever) -> None:
    bot = Chatbot(scripted(), retriever=retriever("Ann lives in Oslo."), settings=STRICT)

    for line in ("Where does Ann live?", "Since when?", "And is it far?", "Who is Bo?"):
        bot.ask(line)

    assert [query for query, _ in bot.retriever.queries] == [
        "Where does Ann live?",
        "Where does Ann live? Since when?",
        "Where does Ann live? Since when? And is it far?",
        "Who is Bo?",
    ]


@pytest.mark.parametrize(
    ("message", "points"),
    [
        ("What does it cost?", True),
        ("What about Sundays?", True),
        ("Where is that?", True),
        ("Why?", True),
        ("How do they work?", True),
        ("Is there a fee for students?", False),
        ("How are you?", False),
        ("Who founded Sakiti?", False),
        ("How high is the deposit for a sander?", False),
    ],
)
def test_what_points_back(message: str, points: bool) -> None:
    assert points_back(message) is points
    assert (with_context(message, ["First."]) != message) is points


def test_tools_are_asked_although_nothing_was_found(scripted, retriever) -> None:
    bot = Chatbot(
        scripted("579"),
        retriever=retriever("Ann sings."),
        tools=Toolbox([calculator]),
        settings=STRICT,
    )

    assert (bot.ask("What is 123 plus 456?").text, bot.reply.found) == ("579", True)


def test_page_and_heading_of_a_source_are_kept(scripted) -> None:
    metadata = {"source": "a.pdf", "page": 3, "heading": "Fees"}
    hits = [Hit(Document("It costs 5.", metadata), 0.9)]
    bot = Chatbot(scripted("5 [1]"), retriever=SimpleNamespace(search=lambda query, k: hits))

    assert bot.ask("What does it cost?").sources[0].document.metadata == metadata


EXTRACT = ChatSettings(small_talk=is_greeting, extract=True, k=2)


def test_the_best_sentence_is_the_answer_with_its_source_and_the_model_is_not_asked(
    scripted, retriever
) -> None:
    bot = Chatbot(
        scripted("Lima."), retriever=retriever("Ann sings [2].", "Bo sings."), settings=EXTRACT
    )

    said = "".join(bot.stream("Who sings?"))

    assert said == "Ann sings (2). [1]"
    assert bot.backend.seen == []
    assert [hit.text for hit in bot.reply.sources] == ["Ann sings [2]."]
    assert (len(bot.reply.passages), bot.reply.found, bot.reply.interrupted) == (2, True, False)
    assert storage.from_json(storage.to_json(bot.conversation)) == bot.conversation


def test_a_sentence_is_quoted_without_its_headings(scripted, retriever) -> None:
    class Shelf:
        def search(self, query: str, k: int) -> list[Hit]:
            return [Hit(Document("Rest.", {"heading": "Dough", "title": "Bread"}), 1.0)]

    assert Chatbot(scripted(), retriever=Shelf(), settings=EXTRACT).ask("Then?").text == "Rest. [1]"


def test_nothing_found_small_talk_and_tools_are_as_without_sentences(scripted, retriever) -> None:
    nothing = Chatbot(scripted(), retriever=retriever(), settings=EXTRACT).ask("Who sings?")
    talk = Chatbot(scripted("Hi!"), retriever=retriever("A."), settings=EXTRACT).ask("Hello")
    tools = Toolbox([calculator])
    asked = Chatbot(scripted("I."), retriever=retriever("A."), settings=EXTRACT, tools=tools)

    assert (nothing.text, nothing.found) == (NOT_FOUND, False)
    assert talk.text == "Hi!"
    assert asked.ask("Who sings?").text == "I."


def test_a_sentence_that_was_stopped_is_not_continued_by_the_model(scripted, retriever) -> None:
    bot = Chatbot(scripted("more"), retriever=retriever("Ann sings."), settings=EXTRACT)
    answer = bot.stream("Who sings?")
    next(answer)
    answer.close()

    with pytest.raises(ConversationError, match="a quotation can't be continued"):
        bot.resume()


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(scope="module")
def talk_of_vectors(embedder: Embedder) -> ChatSettings:
    return ChatSettings(small_talk=SmallTalk(lambda: embedder))


def shelf(messages: Messages, embedder: Embedder, *, sentences: bool) -> ClosePassages:
    documents = [
        Document(text, {"source": f"{heading}.md", "heading": heading})
        for heading, text in messages.documents.items()
    ]
    parts = split_sentences(documents) if sentences else documents
    vectors = embedder.embed([passage(part) for part in parts], progress=False)
    return ClosePassages(parts, vectors, embedder, sentences=sentences)


def kind(evidence: Evidence) -> str:
    if evidence.passages:
        return "passages"
    return "refused" if evidence.missing else "talk"


@pytest.mark.parametrize(
    ("messages", "sentences", "least"),
    [
        (FIRST, False, (34, 14, 40)),
        (FIRST, True, (33, 15, 40)),
        (SECOND, False, (32, 13, 39)),
        (SECOND, True, (31, 14, 39)),
        (HOTEL, False, (16, 9, 25)),
        (HOTEL, True, (15, 9, 25)),
        (HELD_OUT, False, (33, 13, 42)),
        (HELD_OUT, True, (30, 14, 45)),
    ],
)
def test_questions_get_passages_or_a_refusal_and_small_talk_gets_neither(
    messages: Messages,
    sentences: bool,
    least: tuple[int, int, int],
    embedder: Embedder,
    talk_of_vectors: ChatSettings,
) -> None:
    close = shelf(messages, embedder, sentences=sentences)

    def count(wanted: str, texts: tuple[str, ...], later: tuple[tuple, ...] = ()) -> int:
        items = [*(((), text) for text in texts), *later]
        kinds = [
            kind(gather(close, text, said(*before), talk_of_vectors)) for before, text in items
        ]
        return kinds.count(wanted)

    assert count("passages", messages.questions, messages.later) >= least[0]
    assert count("refused", messages.elsewhere) >= least[1]
    assert count("talk", messages.talk, messages.later_talk) >= least[2]


def said(*texts: str) -> list[Turn]:
    return [Turn([{"role": "user", "content": text}]) for text in texts]


@pytest.mark.parametrize(
    ("message", "talk", "passage", "expected"),
    [
        ("Do you like music?", 0.9, "Swans sing.", "talk"),
        ("Do you like music?", 0.9, "Music on Fridays.", "passages"),
        ("Do you like music?", 0.7, "Swans sing.", "passages"),  # not as near
        ("I like music.", 0.4, "Swans sing.", "talk"),  # asks nothing
        ("Am I late?", 0.0, "Swans sing.", "passages"),
        ("Good for you!", 1.0, "Good is good.", "talk"),
    ],
)
def test_only_what_is_nearly_small_talk_goes_without_what_was_found(
    message: str, talk: float, passage: str, expected: str
) -> None:
    settings = ChatSettings(small_talk=lambda text: talk)
    finding = SimpleNamespace(search=lambda query, k: [Hit(Document(passage), 0.4)])

    assert kind(gather(finding, message, [], settings)) == expected


@pytest.mark.parametrize(
    ("message", "talk", "expected"),
    [
        ("What day is it today?", 0.6, "refused"),
        ("Are humans good?", 0.5, "refused"),
        ("Where are you located?", 0.5, "refused"),
        ("capital of Peru", 0.0, "refused"),
        ("What can you do?", 0.6, "talk"),
        ("Do you have rooms?", 0.0, "refused"),
        ("continue", 0.0, "talk"),
        ("translate that to German", 0.0, "talk"),
        ("Can you give me the source?", 0.0, "talk"),
    ],
)
def test_to_what_asks_nothing_of_the_documents_nothing_is_missing(
    message: str, talk: float, expected: str, retriever
) -> None:
    settings = ChatSettings(small_talk=lambda text: talk)

    assert kind(gather(retriever(), message, [], settings)) == expected


def test_what_the_user_said_of_himself_is_not_looked_for(retriever) -> None:
    found = retriever("The cat of the house is called Mirrut.")
    settings = ChatSettings(small_talk=lambda text: 0.0)

    def of_cat(*before: str) -> str:
        return kind(gather(found, "What is my cat called?", said(*before), settings))

    assert kind(gather(found, "My cat is called Tom.", [], settings)) == "talk"
    assert of_cat("My cat is called Tom.", "Hello") == "talk"
    assert of_cat("Is my cat called Tom?") == of_cat("I am Ann.") == of_cat() == "passages"


def test_small_talk_that_points_back_is_weighed_by_itself(retriever) -> None:
    found = retriever("Ann sells honey.")
    settings = ChatSettings(small_talk=lambda text: 0.8)
    turns = said("Who sells honey?")

    assert gather(found, "Is that so?", turns, settings) == Evidence([])
    assert [query for query, _ in found.queries] == ["Is that so?"]


@pytest.mark.parametrize(
    ("answer", "shown", "unknown"),
    [
        ("King Olaf. [1]", "King Olaf.", (1,)),
        ("King Olaf, [2, 3] the first.", "King Olaf, the first.", (2, 3)),
    ],
)
def test_a_citation_is_invented_where_no_passage_was_given(
    answer: str, shown: str, unknown: tuple, scripted, retriever
) -> None:
    bot = Chatbot(scripted(answer), retriever=retriever("Ann sings."), settings=STRICT)

    assert told(bot, "Hello, who reigns?") == (shown, answer, unknown)
    assert (bot.reply.found, bot.reply.sources, bot.reply.passages) == (True, (), ())


def test_a_refusal_of_small_talk_is_not_a_lack_in_the_documents(scripted, retriever) -> None:
    refusing = scripted("I do not know your name.")
    bot = Chatbot(refusing, retriever=retriever("Ann sings."), settings=STRICT)

    assert bot.ask("Hello, what is my name?").found


def test_a_number_in_brackets_is_no_citation_without_documents(scripted) -> None:
    reply = Chatbot(scripted("Take [1, 2].")).ask("A list?")

    assert (reply.text, reply.unknown_citations) == ("Take [1, 2].", ())
