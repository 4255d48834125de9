"""Pocket and open: questions on ordinary documents, asked in the chat.

Eleven files of nine formats, about rowing, swimming, bread, beans, bicycles, a lake, a house, a
coffee machine, a museum, evening courses and moving out. They are read, cut, searched and put
before the question as ``companion chat --docs`` does it. Of an answer it is counted

- whether it is ``right``: it holds the words that were written down with the question;
- whether its ``source`` is right: the passage that it cites, or the first one that it read if it
  cites none, is of the file that answers the question; ``both`` is this and the words;
- whether it is an ``answer``, which is more: right, at most as long as a sentence (`SHORT`), and
  *citing* a passage of that file.

Taught in :doc:`/book/applications/rag`.

Left out: whether what stands around the right words is true.
"""

import time
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import PurePath
from typing import Any, NamedTuple

from companion.backends.local import LocalBackend
from companion.chatbot import Chatbot
from companion.chatbot.launch import EXTRACTED
from companion.chatbot.reply import Reply
from companion.chatbot.settings import ChatSettings
from companion.chatbot.small_talk import SmallTalk
from companion.generation.params import SamplingParams
from companion.prompts.evaluation import Accuracy
from companion.rag.citations import CITATION
from companion.rag.documents import Hit
from companion.rag.embeddings import shared_embedder
from companion.rag.evaluation import contains_answer
from companion.rag.library import Library
from companion.rag.sentences import LENGTH

from ._side_by_side import COLUMNS, ORIGIN, check_split, counted, load_columns, load_items, part

GREEDY = SamplingParams(temperature=0, max_new_tokens=64)
SHORT = 160
"""Characters of an answer at most: a sentence, an item or a row, and not a passage."""


class Setting(NamedTuple):
    """How documents are put before a question."""

    length: int
    """Characters of a passage at most."""
    k: int
    way: str
    """What answers: "words" of the model's own, "quote" for a quotation that it chooses, "sentence"
    for the best one that is found."""


SETTINGS = {
    "1 long passage": Setting(1000, 1, "words"),
    "4 long passages": Setting(1000, 4, "words"),
    "2 short passages": Setting(120, 2, "words"),
    "2 short passages, quoted": Setting(120, 2, "quote"),
    "sentences": Setting(LENGTH, EXTRACTED, "sentence"),
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
        ``source``, ``both`` and an ``answer``; of ``refused`` questions that the documents do not
        answer, and of those that they do and which were ``refused wrongly``; how many ``cited``;
        the ``texts``, those of questions without an answer last; and ``seconds``, the processor's
        time for one question.
    """
    check_split(split)
    folders = load_items("document_questions")[split]
    results: dict[str, dict[str, Any]] = {}
    for name, column in load_columns(columns).items():
        backend = LocalBackend(*column.chat)
        results[name] = {
            key: _count(
                [
                    _asked(backend, folder, SETTINGS[key], folders[folder], scale)
                    for folder in folders
                ]
            )
            for key in settings
        }
    return {"origin": ORIGIN, "split": split, "columns": results}


def ask(backend: LocalBackend, library: Library, setting: Setting, question: str) -> Reply:
    """Ask one question in a new conversation."""
    settings = ChatSettings(
        GREEDY,
        k=setting.k,
        quote=setting.way == "quote",
        extract=setting.way == "sentence",
        small_talk=SmallTalk(shared_embedder),
    )
    return Chatbot(backend, retriever=library, settings=settings).ask(question)


class _Asked(NamedTuple):
    """The questions on one folder and what came back."""

    items: list[dict[str, Any]]
    replies: list[Reply]
    others: list[Reply]
    seconds: float


def _asked(
    backend: LocalBackend, folder: str, setting: Setting, stored: dict[str, Any], scale: float
) -> _Asked:
    items, unanswered = (part(stored[key], scale) for key in ("answered", "unanswered"))
    with as_file(files(__package__) / "items" / folder) as path:
        sentences = setting.way == "sentence"
        library = Library(path, shared_embedder(), length=setting.length, sentences=sentences)
        began = time.process_time()
        replies = [ask(backend, library, setting, item["question"]) for item in items]
        others = [ask(backend, library, setting, question) for question in unanswered]
    return _Asked(items, replies, others, time.process_time() - began)


def _count(folders: Sequence[_Asked]) -> dict[str, Any]:
    pairs = [pair for one in folders for pair in zip(one.items, one.replies, strict=True)]
    others = [reply for one in folders for reply in one.others]
    right = [_is_right(item, reply) for item, reply in pairs]
    source = [_origin(reply.sources or reply.passages) == item["file"] for item, reply in pairs]
    answer = [
        is_right and len(CITATION.sub("", reply.text)) <= SHORT
        and _origin(reply.sources) == item["file"]
        for is_right, (item, reply) in zip(right, pairs, strict=True)
    ]  # fmt: skip
    replies = [*(reply for _, reply in pairs), *others]
    counts = {
        "right": right,
        "source": source,
        "both": list(map(min, right, source)),
        "answer": answer,
        "refused wrongly": [not reply.found for _, reply in pairs],
        "refused": [not reply.found for reply in others],
        "cited": [bool(reply.sources) for reply in replies],
    }
    return {
        **{key: counted(Accuracy(sum(some), len(some))) for key, some in counts.items()},
        "texts": [reply.text for reply in replies],
        "seconds": round(sum(one.seconds for one in folders) / len(replies), 2),
    }


def _is_right(item: dict[str, Any], reply: Reply) -> bool:
    return reply.found and any(contains_answer(reply.text, answer) for answer in item["answers"])


def _origin(hits: Sequence[Hit]) -> str:
    """Return the name of the file that the first passage is of; empty if there is none."""
    return PurePath(str(hits[0].document.metadata["source"])).name if hits else ""
