"""Conversation files: nothing lost, nothing half-read, nothing half-written."""

import json
import os
import random
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.chatbot import storage
from companion.chatbot.history import Conversation, Turn
from companion.errors import ConversationError
from companion.rag.documents import Document, Hit

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ANSWERS = st.builds(
    lambda role, content, extra: {"role": role, "content": content, **extra},
    st.sampled_from(["assistant", "tool"]),
    TEXTS,
    st.fixed_dictionaries({}, optional={"tool_call_id": TEXTS, "tool_calls": st.lists(JSON)}),
)
SOURCES = st.builds(
    lambda text, metadata, score: Hit(Document(text, metadata), score),
    TEXTS.filter(str.strip),
    st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans(), max_size=3),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
TURNS = st.builds(
    lambda asked, answers, *more: Turn([{"role": "user", "content": asked}, *answers], *more),
    TEXTS,
    st.lists(ANSWERS, max_size=3),
    st.lists(SOURCES, max_size=2),
    st.booleans(),
    st.sampled_from(["", "cut at 64 tokens"]),
    st.lists(SOURCES, max_size=2),
    st.lists(st.integers(0, 9), max_size=2),
    st.booleans(),
)
CONVERSATIONS = st.builds(
    lambda system, turns, summary, part: Conversation(
        system, turns, summary, int(part * len(turns))
    ),
    st.none() | TEXTS,
    st.lists(TURNS, max_size=3),
    TEXTS,
    st.floats(0, 1),
)


def example() -> Conversation:
    """A conversation with one of everything."""
    turn = Turn(
        [
            {"role": "user", "content": "Where is it sunny? \u2600"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
            {"role": "tool", "content": "{}", "tool_call_id": "1"},
            {"role": "assistant", "content": "In Oslo."},
        ],
        [hit := Hit(Document("Oslo is sunny.", {"source": "a.md", "page": 3, "old": False}), 0.5)],
        interrupted=True,
        passages=[hit],
    )
    return Conversation("Be brief.", [turn], "A summary.", 1)


@given(CONVERSATIONS)
def test_what_is_written_is_read_again(conversation: Conversation) -> None:
    assert storage.from_json(storage.to_json(conversation)) == conversation


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "chat.json"

    storage.save(example(), file)

    assert storage.load(file) == example()
    assert os.listdir(tmp_path) == ["chat.json"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_truncation_is_an_error() -> None:
    text = storage.to_json(example()).rstrip()

    for end in range(len(text)):
        with pytest.raises(ConversationError, match=r"truncated|'format'"):
            storage.from_json(text[:end])


PIECES = [*'"{}[],:', "", "null", "1e999", "NaN", "-1", "true", "\\ud800", "\0", "9" * 5000]
PIECES.append("[" * 99_999)


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_a_damaged_file_is_read_whole_or_refused(rng: random.Random) -> None:
    """Replace, remove or repeat pieces. What is still read must survive another round."""
    text = storage.to_json(example())
    for _ in range(rng.randint(1, 3)):
        at, length = rng.randrange(len(text)), rng.randint(0, 6)
        piece = rng.choice(PIECES)
        text = text[:at] + piece + text[at + length :]

    try:
        read = storage.from_json(text)
    except ConversationError as error:
        read, said = None, str(error)
    else:
        said = ""

    assert len(said) < 500
    assert read is None or storage.from_json(storage.to_json(read)) == read


@given(JSON)
def test_other_json_is_no_conversation(value: object) -> None:
    with pytest.raises(ConversationError, match="no conversation"):
        storage.from_json(json.dumps(value))


def changed(path: str, value: object) -> str:
    """Return the example's JSON with one field replaced, or removed if the value is `...`."""
    record = json.loads(storage.to_json(example()))
    *place, last = path.split(".")
    at = record
    for key in place:
        at = at[int(key)] if isinstance(at, list) else at[key]
    if value is ...:
        del at[last]
    else:
        at[int(last) if isinstance(at, list) else last] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("version", 2, "has the version 2 and this program reads version 1"),
        ("version", "1", "has the version 1 and"),
        ("version", True, "has the version True"),
        ("version", ..., "has the version None"),
        ("format", "chat", "'format' is not"),
        ("turns", ..., "the conversation lacks 'turns'"),
        ("mood", "good", "unknown field 'mood'"),
        ("system", 3, "'system' must be str or null, got int"),
        ("summary", None, "'summary' must be str, got NoneType"),
        ("summarized", True, "'summarized' must be int, got bool"),
        ("summarized", 2, "from 0 to the number of turns, 1, got 2"),
        ("turns", {}, "'turns' must be list, got dict"),
        ("turns.0", "hi", "turn 0 must be an object, got str"),
        ("turns.0.interrupted", 1, "turn 0: 'interrupted' must be bool, got int"),
        ("turns.0.mood", 1, "turn 0 has the unknown field 'mood'"),
        ("turns.0.messages", [], "turn 0: messages is empty"),
        ("turns.0.messages.0", 3, "turn 0, message 0 must be an object"),
        ("turns.0.messages.0.role", "human", "turn 0: message 0 has the role 'human'"),
        ("turns.0.messages.0.role", "assistant", "turn 0: a turn must be one message of the user"),
        ("turns.0.messages.3.content", 3, "turn 0, message 3: 'content' must be str or null"),
        ("turns.0.messages.3.content", None, "turn 0: message 3 has no text"),
        ("turns.0.messages.3.when", "now", "turn 0, message 3 has the unknown field 'when'"),
        ("turns.0.sources.0.score", "high", "turn 0, source 0: 'score' must be"),
        ("turns.0.sources.0.metadata.page", [3], "source 0: metadata holds 'page': "),
        ("turns.0.sources.0.text", "\ud800", "whole, valid JSON"),
        ("turns.0.passages", [3], "turn 0, passage 0 must be an object, got int"),
        ("turns.0.unknown_citations", ["7"], "turn 0: 'unknown_citations' must be whole numbers"),
        ("turns.0.unknown_citations", [True], "turn 0: 'unknown_citations' must be whole numbers"),
        ("turns.0.found", 1, "turn 0: 'found' must be bool, got int"),
    ],
)
def test_the_wrong_place_is_named(path: str, value: object, said: str) -> None:
    with pytest.raises(ConversationError, match=said):
        storage.from_json(changed(path, value))


def test_a_field_that_stands_twice_is_refused() -> None:
    text = storage.to_json(Conversation()).replace('"summary"', '"system": "other", "summary"')

    with pytest.raises(ConversationError, match="twice"):
        storage.from_json(text)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe{}", b"\x00" * 100, b"PK\x03\x04", b"[" * 200_000])
def test_a_file_of_another_kind_is_refused_and_never_overwritten(
    data: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "notes"
    file.write_bytes(data)

    with pytest.raises(ConversationError, match=f"can't read {file}"):
        storage.load(file)
    with pytest.raises(ConversationError, match="left as it is"):
        storage.save(example(), file)

    assert file.read_bytes() == data


def test_a_file_of_another_version_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    file.write_text(changed("version", 2))

    with pytest.raises(ConversationError, match="not a conversation of this version"):
        storage.save(example(), file)

    assert json.loads(file.read_text())["version"] == 2


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chat.json"
    storage.save(example(), file)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConversationError, match="No space left"):
        storage.save(Conversation(), file)

    assert storage.load(file) == example()
    assert os.listdir(tmp_path) == ["chat.json"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    storage.save(Conversation(), tmp_path / "real.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")

    storage.save(example(), tmp_path / "link.json")

    assert (tmp_path / "link.json").is_symlink()
    assert storage.load(tmp_path / "real.json") == example()


@pytest.mark.parametrize("name", ["missing/chat.json", ".", "a\0b"])
def test_a_path_that_can_not_be_used_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConversationError, match=r"can't write|left as it is"):
        storage.save(example(), tmp_path / name)
    with pytest.raises(ConversationError, match="can't read"):
        storage.load(tmp_path / name)


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ConversationError, match="not a file"):
        storage.load(tmp_path / "pipe")


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.save(example(), tmp_path / "chat.json")
    monkeypatch.setattr(storage, "MAX_BYTES", 100)

    with pytest.raises(ConversationError, match="larger than"):
        storage.load(tmp_path / "chat.json")
    with pytest.raises(ConversationError, match="larger than"):
        storage.save(example(), tmp_path / "new.json")


def test_a_file_from_before_passages_were_kept_apart_has_read_what_it_cites() -> None:
    record = json.loads(storage.to_json(example()))

    assert "passages" not in record["turns"][0]
    (turn,) = storage.from_json(json.dumps(record)).turns
    assert turn.passages == turn.sources
    assert turn.found
