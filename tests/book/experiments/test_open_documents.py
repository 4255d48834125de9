"""Pocket and open, documents: the items, a small run on pocket-chat, and what the record says."""

import json
from importlib.resources import as_file, files

import _experiments
import pytest
from _experiments import open_documents
from _experiments._side_by_side import SPLITS, load_items

from companion.pocket.records import record
from companion.rag.documents import load_documents
from companion.rag.evaluation import contains_answer

ITEMS = load_items("document_questions")
FOLDERS = [(folder, asked) for split in SPLITS for folder, asked in ITEMS[split].items()]
QUESTIONS = [(folder, one) for folder, asked in FOLDERS for one in asked["answered"]]


@pytest.fixture(scope="module")
def texts() -> dict[str, dict[str, str]]:
    """What the readers read of each file, by folder."""
    found: dict[str, dict[str, str]] = {}
    for name, _ in FOLDERS:
        with as_file(files(_experiments) / "items" / name) as folder:
            for document in load_documents(folder):
                file = str(document.metadata["source"])
                of_folder = found.setdefault(name, {})
                of_folder[file] = f"{of_folder.get(file, '')}\n{document.text}"
    return found


def test_eleven_files_of_nine_formats_are_read_and_six_to_choose_by(texts) -> None:
    held_out = texts["documents"]

    assert len(held_out) == 11
    assert len({name.rpartition(".")[2] for name in held_out}) == 9
    assert len(texts["documents_development"]) == 6
    assert not held_out.keys() & texts["documents_development"].keys()


@pytest.mark.parametrize(("folder", "one"), QUESTIONS, ids=lambda one: str(one)[:40])
def test_the_answer_stands_in_the_file_that_is_named(folder, one, texts) -> None:
    assert any(contains_answer(texts[folder][one["file"]], answer) for answer in one["answers"])
    assert not any(contains_answer(one["question"], answer) for answer in one["answers"])


def test_the_splits_share_no_question() -> None:
    asked = [one["question"] for _, one in QUESTIONS]
    others = [question for _, folder in FOLDERS for question in folder["unanswered"]]

    assert len({*asked, *others}) == len(asked) + len(others) == (56 + 40) + (25 + 15)


@pytest.mark.slow
def test_a_small_run_asks_pocket_chat_in_the_chat() -> None:
    ways = ["1 long passage", "2 short passages, quoted", "sentences"]
    found = open_documents.measure(
        scale=0.01, split="development", columns=["pocket"], settings=ways
    )

    for way in ways:
        counts = found["columns"]["pocket"][way]
        assert counts["right"]["total"] == 6  # three of each folder
        assert len(counts["texts"]) == 12
    assert counts["answer"]["right"] >= 5  # of the last way: sentences
    assert json.loads(json.dumps(found)) == found


def test_the_record_says_that_sentences_answer_three_in_four_and_the_model_does_not() -> None:
    stored = record("open_documents")
    columns = stored["columns"]

    assert stored["split"] == "held_out"
    assert list(columns["open"]) == list(open_documents.SETTINGS)
    for ways in columns.values():
        found = ways["sentences"]
        assert found["answer"]["right"] >= 0.75 * found["answer"]["total"] == 0.75 * 40
        assert found["refused"]["right"] >= 0.5 * found["refused"]["total"]
        assert found["seconds"] < 5
    others = [found for way, found in columns["open"].items() if way != "sentences"]
    assert all(found["both"]["right"] < 0.6 * found["both"]["total"] for found in others)
    assert all(found["source"]["right"] >= 26 for found in columns["open"].values())
    assert all(found["refused"]["right"] == 0 for found in others)
