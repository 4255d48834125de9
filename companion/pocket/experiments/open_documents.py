"""Pocket and open: questions on ordinary documents, asked in the chat.

Eight files of eight formats, about rowing, swimming, bread, beans, bicycles, a lake, a house and a
coffee machine. They are read, cut, searched and put before the question as
``companion chat --docs`` does it. An answer is right if it holds the words that were written down
with the question, and its source is right if the passage that it cites, or the first one that it
read if it cites none, is of the file that answers the question. Taught in
:doc:`/book/applications/rag`.

Left out: whether what stands around the right words is true.
"""

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import PurePath
from typing import Any, NamedTuple

from companion.backends.local import LocalBackend
from companion.chatbot import Chatbot
from companion.chatbot.launch import QUOTED, QUOTED_LENGTH
from companion.chatbot.reply import Reply
from companion.chatbot.settings import ChatSettings
from companion.chatbot.small_talk import SmallTalk
from companion.generation.params import SamplingParams
from companion.prompts.evaluation import Accuracy
from companion.rag.embeddings import shared_embedder
from companion.rag.evaluation import contains_answer
from companion.rag.library import Library

from ._side_by_side import COLUMNS, ORIGIN, check_split, counted, load_columns, load_items, part

GREEDY = SamplingParams(temperature=0, max_new_tokens=64)


class Setting(NamedTuple):
    """How documents are put before a question."""

    length: int
    """Characters of a passage at most."""
    k: int
    quote: bool


SETTINGS = {
    "1 long passage": Setting(1000, 1, False),
    "4 long passages": Setting(1000, 4, False),
    f"{QUOTED} short passages": Setting(QUOTED_LENGTH, QUOTED, False),
    f"{QUOTED} short passages, quoted": Setting(QUOTED_LENGTH, QUOTED, True),
}


def measure(
    *,
    scale: float = 1.0,
    split: str = "held_out",
    columns: Sequence[str] = COLUMNS,
    settings: Sequence[str] = tuple(SETTINGS),
) -> dict[str, Any]:
    """Ask both chat models about the documents, also what these do not say.

    Args:
        scale: Share of the questions to use, for a quick try.
        split: "held_out" for the record; "development" while settings are being chosen.
        columns: Some of "pocket" and "open".
        settings: Keys of `SETTINGS`.

    Returns:
        ``columns``, one entry each, by setting: counts of answers that are ``right``, of right
        ``source``, ``both``, and of ``refused`` questions that the documents do not answer; and the
        ``texts``, those of the latter last.
    """
    check_split(split)
    stored = load_items("document_questions")[split]
    asked = part(stored["answered"], scale)
    unanswered = part(stored["unanswered"], scale)
    results: dict[str, dict[str, Any]] = {}
    with as_file(files(__package__) / "items" / "documents") as folder:
        for name, column in load_columns(columns).items():
            backend = LocalBackend(*column.chat)
            results[name] = {}
            for key in settings:
                setting = SETTINGS[key]
                library = Library(folder, shared_embedder(), length=setting.length)
                questions = [*(item["question"] for item in asked), *unanswered]
                replies = [ask(backend, library, setting, question) for question in questions]
                results[name][key] = _count(asked, replies)
    return {"origin": ORIGIN, "split": split, "columns": results}


def ask(backend: LocalBackend, library: Library, setting: Setting, question: str) -> Reply:
    """Ask one question in a new conversation."""
    settings = ChatSettings(
        GREEDY, k=setting.k, quote=setting.quote, small_talk=SmallTalk(shared_embedder)
    )
    return Chatbot(backend, retriever=library, settings=settings).ask(question)


def _count(asked: Sequence[dict[str, Any]], replies: Sequence[Reply]) -> dict[str, Any]:
    right, source = [], []
    for item, reply in zip(asked, replies, strict=False):  # the replies to the others come after
        right.append(reply.found and any(contains_answer(reply.text, a) for a in item["answers"]))
        origins = [hit.document.metadata["source"] for hit in (reply.sources or reply.passages)]
        source.append(bool(origins) and PurePath(str(origins[0])).name == item["file"])
    others = replies[len(asked) :]
    return {
        "right": counted(Accuracy(sum(right), len(asked))),
        "source": counted(Accuracy(sum(source), len(asked))),
        "both": counted(Accuracy(sum(map(min, right, source)), len(asked))),
        "refused": counted(Accuracy(sum(not reply.found for reply in others), len(others))),
        "cited": counted(Accuracy(sum(bool(reply.sources) for reply in replies), len(replies))),
        "texts": [reply.text for reply in replies],
    }
