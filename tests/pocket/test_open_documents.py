"""Pocket and open, documents: the items, a small run on pocket-chat, and what the record says."""

import json
from importlib.resources import as_file, files

import pytest

from companion.pocket import experiments
from companion.pocket.experiments import open_documents
from companion.pocket.experiments._side_by_side import SPLITS, load_items
from companion.pocket.records import record
from companion.rag.documents import load_documents
from companion.rag.evaluation import contains_answer

ITEMS = load_items("document_questions")
QUESTIONS = [one for split in SPLITS for one in ITEMS[split]["answered"]]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """What the readers read of each file."""
    found: dict[str, str] = {}
    with as_file(files(experiments) / "items" / "documents") as folder:
        for document in load_documents(folder):
            name = str(document.metadata["source"])
            found[name] = f"{found.get(name, '')}\n{document.text}"
    return found


def test_eight_files_of_eight_formats_are_read(texts: dict[str, str]) -> None:
    assert len(texts) == len({name.rpartition(".")[2] for name in texts}) == 8


@pytest.mark.parametrize("one", QUESTIONS, ids=lambda one: one["question"][:30])
def test_the_answer_stands_in_the_file_that_is_named(one, texts: dict[str, str]) -> None:
    assert any(contains_answer(texts[one["file"]], answer) for answer in one["answers"])
    assert not any(contains_answer(one["question"], answer) for answer in one["answers"])


def test_the_splits_share_no_question() -> None:
    asked = [
        question
        for split in SPLITS
        for question in (
            *(one["question"] for one in ITEMS[split]["answered"]),
            *ITEMS[split]["unanswered"],
        )
    ]

    assert len(asked) == len(set(asked)) == 10 + 4 + 30 + 10


@pytest.mark.slow
def test_a_small_run_asks_pocket_chat_in_the_chat() -> None:
    ways = ["1 long passage", "2 short passages, quoted"]
    found = open_documents.measure(
        scale=0.01, split="development", columns=["pocket"], settings=ways
    )

    for way in ways:
        counts = found["columns"]["pocket"][way]
        assert counts["source"]["right"] == counts["right"]["total"] == 3
        assert len(counts["texts"]) == 6
    assert counts["cited"]["right"] == 6  # a quotation has a source
    assert json.loads(json.dumps(found)) == found


def test_the_record_says_that_quoting_helps_the_open_model_and_the_goal_is_not_reached() -> None:
    stored = record("open_documents")
    columns = stored["columns"]

    assert stored["split"] == "held_out"
    assert list(columns["open"]) == list(open_documents.SETTINGS)
    both = {way: found["both"]["right"] for way, found in columns["open"].items()}
    assert max(both, key=both.__getitem__) == "2 short passages, quoted"
    assert both["2 short passages, quoted"] < 0.75 * 30
    assert all(found["both"]["right"] <= 2 for found in columns["pocket"].values())
    assert all(found["source"]["right"] >= 26 for found in columns["open"].values())
    assert all(found["refused"]["right"] == 0 for found in columns["open"].values())
