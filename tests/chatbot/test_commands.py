"""The commands of the terminal, over a pipe: the conversation changed, saved, loaded."""

import io
import json
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from companion.chatbot import Chatbot, storage
from companion.chatbot.commands import file_and_title
from companion.chatbot.terminal import Terminal
from companion.errors import EndpointError


class Numbered:
    """A model that counts its answers, and can be cut or fail."""

    context_length = 90

    def __init__(self) -> None:
        self.answers = 0
        self.read: list[list[str]] = []

    def count_tokens(self, messages: Sequence[dict]) -> int:
        return sum(1 + len(message["content"].split()) for message in messages)

    def stream(self, messages: Sequence[dict], params: object) -> object:
        self.read.append([message["content"] for message in messages])
        said = messages[-1]["content"]
        self.answers += 1
        if said == "fail":
            raise EndpointError("the endpoint is gone")
        yield f"answer {self.answers} to {said}"
        return SimpleNamespace(finish_reason="length" if "long" in said else "stop")


class Library:
    """Gives two passages for every message with a question mark."""

    def search(self, query: str, k: int) -> list[SimpleNamespace]:
        texts = ["Ann lives in Oslo.", "Ben lives in Rome."] if "?" in query else []
        return [
            SimpleNamespace(
                document=SimpleNamespace(text=text, metadata={"source": f"{number}.md"}), score=1.0
            )
            for number, text in enumerate(texts)
        ]


@pytest.fixture
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimpleNamespace]:
    """Say lines; returns what came back, and the bot."""
    monkeypatch.chdir(tmp_path)

    def run(*lines: str, bot: Chatbot | None = None) -> SimpleNamespace:
        out, errors = io.StringIO(), io.StringIO()
        bot = bot or Chatbot(Numbered())
        terminal = Terminal(stdin=io.StringIO("\n".join(lines)), stdout=out, stderr=errors)
        status = terminal.run(bot)
        return SimpleNamespace(
            lines=out.getvalue().splitlines(), errors=errors.getvalue(), status=status, bot=bot
        )

    return run


def said(bot: Chatbot) -> list[str]:
    return [message["content"] for turn in bot.conversation.turns for message in turn.messages]


def test_the_last_message_is_asked_again_or_changed(chat) -> None:
    found = chat("one", "two", "/retry", "/edit three", "/edit @@ann")

    assert found.lines[-1] == "answer 5 to @ann"
    assert said(found.bot) == ["one", "answer 1 to one", "@ann", "answer 5 to @ann"]
    assert (found.errors, found.status) == ("", 0)


def test_what_can_not_be_asked_again_changes_nothing(chat) -> None:
    found = chat("/retry", "/edit x", "one", "/edit", "/edit @none.txt", "/edit " + "word " * 200)

    assert said(found.bot) == ["one", "answer 1 to one"]
    errors = found.errors.splitlines()
    assert errors[:2] == ["companion: there is no message yet that could be asked again"] * 2
    assert "over a pipe, /edit needs the new words" in errors[2]
    assert "there is no file 'none.txt'" in errors[3]
    assert "Shorten the message" in errors[4]


def test_a_message_that_failed_can_be_asked_again(chat) -> None:
    found = chat("one", "fail", "/edit two")

    assert said(found.bot) == ["one", "answer 1 to one", "two", "answer 3 to two"]


def test_an_answer_that_was_cut_goes_on(chat) -> None:
    found = chat("long", "/continue", "short", "/continue")

    assert found.lines[:2] == ["answer 1 to long", "[cut at 11 tokens]"]
    (turn, _) = found.bot.conversation.turns
    assert turn.messages[-1]["content"].startswith("answer 1 to long")
    assert "answer 2" in turn.messages[-1]["content"]
    assert "the last answer is complete" in found.errors


def test_a_conversation_is_saved_by_its_name(chat, tmp_path: Path) -> None:
    chat("one", "/save a.json", "/save a.md", "/save a.messages.json")

    assert len(storage.load(tmp_path / "a.json").turns) == 1
    assert "## You\n\none\n\n## Assistant\n\nanswer 1 to one" in (tmp_path / "a.md").read_text()
    messages = json.loads((tmp_path / "a.messages.json").read_text())["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {0o600}


def test_files_of_other_kinds_are_not_replaced(chat, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("precious")

    found = chat("one", "/save notes.md", "/save no/such.md", "/save .")

    assert (tmp_path / "notes.md").read_text() == "precious"
    assert "notes.md exists, and is left as it is" in found.errors
    assert found.errors.count("\n") == 3


def test_conversations_of_other_programs_are_loaded(chat, tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    (tmp_path / "openai.json").write_text(json.dumps({"messages": messages}))
    tree = {
        "a": {"id": "a", "parent": None, "children": ["b"], "message": None},
        "b": {"id": "b", "parent": "a", "children": ["c"], "message": part("user", "Where?")},
        "c": {"id": "c", "parent": "b", "children": [], "message": part("assistant", "Oslo.")},
    }
    talks = [{"title": title, "mapping": tree, "current_node": "c"} for title in ("Trip", "Food")]
    (tmp_path / "my talks.json").write_text(json.dumps(talks))

    first = chat("/load openai.json", "/save own.json", "/load own.json")
    many = chat("/load my talks.json", "/load 'my talks.json' food", "/load 'my talks.json' x")

    assert said(first.bot) == ["Hi", "Hello!"]
    assert said(many.bot) == ["Where?", "Oslo."]
    assert many.lines == ["Loaded 1 turn from my talks.json."]
    assert "it holds 2 conversations, choose one: 'Trip', 'Food'" in many.errors
    assert "no conversation in it has 'x'" in many.errors


def part(role: str, text: str) -> dict:
    return {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}}


def test_turns_that_are_left_out_are_told_when_their_number_changes(chat) -> None:
    bot = Chatbot(Numbered())
    long = "a " * 25

    found = chat(long, long, "b", "c", bot=bot)

    told = [line for line in found.lines if "left out" in line]
    left_out = [
        len(bot.conversation.turns[:n]) - len(read) // 2 for n, read in enumerate(bot.backend.read)
    ]
    assert left_out == [0, 1, 1, 1]
    assert told == ["[1 old turn left out: the context is full]"]


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        ("Oslo [1].", ["Sources: [1] 0.md"]),
        ("Rome [2].", ["Sources: [2] 1.md"]),
        ("Oslo.", ["Read: [1] 0.md, [2] 1.md"]),
        ("Oslo [1][7].", ["[cites passages that do not exist: 7]", "Sources: [1] 0.md"]),
    ],
)
def test_sources_are_what_is_cited(chat, scripted, answer: str, last: list[str]) -> None:
    bot = Chatbot(scripted(answer), retriever=Library())

    found = chat("Where?", "/sources", bot=bot)

    assert found.lines[1:-2] == last
    assert found.lines[-2:] == ["[1] 0.md: Ann lives in Oslo.", "[2] 1.md: Ben lives in Rome."]


def test_documents_without_room_for_a_passage_are_told(chat) -> None:
    bot = Chatbot(Numbered(), retriever=Library())

    found = chat("Where? " + "a " * 70, "Where?", bot=bot)

    told = "[the documents were not read: no room in the context for a passage]"
    assert found.lines.count(told) == 1
    assert found.lines.index(told) == 1  # behind the first answer


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("a b.json", ("a b.json", None)),
        ("'a b.json'", ("a b.json", None)),
        ("'a b.json' My trip", ("a b.json", "My trip")),
        ("it's.json", ("it's.json", None)),
    ],
)
def test_a_name_of_a_file_may_have_blanks(argument: str, parts: tuple) -> None:
    assert file_and_title(argument) == parts
