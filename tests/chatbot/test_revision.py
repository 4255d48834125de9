"""The last turn of a chat: taken back, or gone on with."""

import pytest

import companion
from companion import SamplingParams
from companion.backends.local import LocalBackend
from companion.chatbot import Chatbot, ChatSettings, Conversation, Turn
from companion.chatbot.revision import GO_ON
from companion.errors import ContextLengthError, ConversationError, EndpointError
from companion.rag.documents import Document, Hit

BRIEF = ChatSettings(SamplingParams(temperature=0, max_new_tokens=10))


def contents(messages: list[dict]) -> list[str]:
    return [message["content"] for message in messages]


def stopped(bot: Chatbot, text: str, pieces: int) -> None:
    answer = bot.stream(text)
    for _ in range(pieces):
        next(answer)
    answer.close()


def test_a_turn_is_taken_back_and_can_be_asked_otherwise(scripted) -> None:
    bot = Chatbot(scripted(lambda messages: f"heard {messages[-1]['content']}"))
    bot.ask("one")
    bot.ask("tow")

    assert bot.retract() == "tow"
    assert bot.reply is None
    bot.ask("two")

    assert contents(bot.backend.seen[-1]) == ["one", "heard one", "two"]


def test_a_summary_of_a_turn_that_is_gone_goes(scripted) -> None:
    turns = [Turn([{"role": "user", "content": text}]) for text in "ab"]
    bot = Chatbot(scripted(), conversation=Conversation(None, turns, "About b.", 2))

    bot.retract()

    assert (bot.conversation.summary, bot.conversation.summarized) == ("", 0)


def test_there_must_be_something_to_take_back(scripted) -> None:
    bot = Chatbot(scripted("a b c"))
    with pytest.raises(ConversationError, match="no message yet"):
        bot.retract()
    answer = bot.stream("hi")
    next(answer)
    for change in (bot.retract, bot.resume):
        with pytest.raises(ConversationError, match="still being written"):
            change()


def test_a_stopped_answer_goes_on_as_one_turn(scripted) -> None:
    bot = Chatbot(scripted("one two three"))
    bot.ask("before")
    stopped(bot, "count", 2)
    bot.backend.answer = lambda messages: " three four"

    assert "".join(bot.resume()) == " three four"

    assert bot.reply.text == "one two three four"
    assert not bot.reply.interrupted
    assert len(bot.conversation.turns) == 2
    assert contents(bot.backend.seen[-1]) == ["before", "one two three", "count", "one two", GO_ON]


def test_a_model_here_goes_on_word_for_word() -> None:
    backend = LocalBackend(*companion.load("chat", source="pocket"))
    whole = Chatbot(backend).ask("What can you do?").text
    bot = Chatbot(backend)
    stopped(bot, "What can you do?", 3)
    assert 0 < len(bot.reply.text) < len(whole)

    list(bot.resume())

    assert bot.reply.text == whole


def test_an_answer_that_is_stopped_again_keeps_all_of_it(scripted) -> None:
    bot = Chatbot(scripted("one two three"))
    stopped(bot, "count", 1)

    answer = bot.resume()
    next(answer), next(answer)
    answer.close()

    assert (bot.reply.text, bot.reply.interrupted) == ("oneone two", True)


def test_what_goes_wrong_leaves_the_answer_as_it_was(scripted) -> None:
    bot = Chatbot(scripted("one two three", context_length=40), settings=BRIEF)
    stopped(bot, "count", 2)
    before = bot.conversation.turns[0]
    bot.settings = ChatSettings(BRIEF.params, max_context_tokens=20)

    with pytest.raises(ContextLengthError):
        next(bot.resume())
    assert bot.conversation.turns == [before]

    bot.settings, bot.backend.answer = BRIEF, lambda messages: ("", EndpointError("cut"))
    with pytest.raises(EndpointError):
        list(bot.resume())
    assert bot.conversation.turns[0].messages == before.messages


def test_an_answer_that_nobody_reads_on_is_not_touched(scripted) -> None:
    bot = Chatbot(scripted("one two"))
    stopped(bot, "count", 1)

    bot.resume()

    assert len(bot.conversation.turns) == 1


def test_only_an_unfinished_answer_can_go_on(scripted) -> None:
    bot = Chatbot(scripted("one"))
    with pytest.raises(ConversationError, match="no answer to go on with"):
        bot.resume()
    bot.ask("hi")
    with pytest.raises(ConversationError, match="is complete"):
        bot.resume()


def test_a_quotation_is_not_continued_with_other_words() -> None:
    backend = LocalBackend(*companion.load("chat", source="pocket"))
    passages = Passages([Hit(Document("Ann lives in Oslo, and Bo lives in Lima."), 0.9)])
    settings = ChatSettings(SamplingParams(temperature=0, max_new_tokens=3), quote=True)
    bot = Chatbot(backend, retriever=passages, settings=settings)
    bot.ask("Where does Bo live?")
    assert bot.reply.note == "cut at 3 tokens"

    with pytest.raises(ConversationError, match="a larger max_new_tokens than 3"):
        bot.resume()


class Passages:
    """A retriever that always returns the same passages."""

    def __init__(self, hits: list[Hit]) -> None:
        self.hits = hits

    def search(self, query: str, k: int = 4) -> list[Hit]:
        return self.hits[:k]


def test_a_citation_that_is_invented_further_on_is_told(scripted, retriever) -> None:
    bot = Chatbot(scripted("Olaf reigns. [1]"), retriever=retriever("Ann sings."))
    stopped(bot, "King?", 1)
    bot.backend = scripted("or Harald. [2]")

    shown = "".join(bot.resume())

    assert shown == "or Harald."
    assert bot.reply.unknown_citations == (2,)
