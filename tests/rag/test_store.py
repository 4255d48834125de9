"""A folder of files under a manifest: what is not whole is refused."""

import json
import shutil
from pathlib import Path

import pytest

from companion.errors import IndexFileError
from companion.rag.store import MANIFEST
from tests.rag.vectors import load


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, r"written in version 2 .* reads version 1"),
        ({"format": "cookbook"}, "holds 'cookbook', not"),
        ({"dimension": 9}, "contradicts itself: the vectors have 8 numbers, not 9"),
        ({"dimension": "8"}, "contradicts itself: dimension must be a whole number"),
        ({"config": {"kind": "x"}}, "contradicts itself: kind must be one of"),
        ({"config": {"evil": 1}}, "contradicts itself"),
        ({"config": None}, "contradicts itself"),
        ({"next_id": 3}, "contradicts itself: next_id is 3"),
        ({"next_id": None}, "contradicts itself"),
        ({"files": None}, "lists no files"),
        ({"files": {"a": None}}, "has an entry that can't be"),
        ({"files": {}}, "contradicts itself: 'documents.jsonl'"),
    ],
)
def test_a_manifest_that_can_not_be_is_refused(tmp_path, saved, change, message) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps(manifest | change))

    with pytest.raises(IndexFileError, match=message):
        load(copy)


def test_the_manifest_can_not_point_out_of_the_folder(tmp_path, saved) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["files"]["documents.jsonl"]["file"] = "../secret.txt"
    (copy / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(IndexFileError, match="has an entry that can't be"):
        load(copy)


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", "[" * 60_000, "x" * 200_000])
def test_a_manifest_that_is_none_is_refused(tmp_path, text) -> None:
    (tmp_path / MANIFEST).write_text(text)

    with pytest.raises(IndexFileError, match=r"manifest.json"):
        load(tmp_path)
