"""The documents of a chat are read once; each conversation has a desk of its own."""

from pathlib import Path

import pytest

from companion.chatbot import documents
from companion.chatbot.documents import desk_maker
from companion.errors import DocumentError

BOTH = "Ann has an apple. Bo rolls over."


class Letters:
    """Vectors that count four letters."""

    model_id, dimension = "letters", 4

    def embed(self, texts: list[str], **_: object):
        import numpy as np

        vectors = np.array([[text.lower().count(one) + 0.1 for one in "aeio"] for text in texts])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> Letters:
    made = Letters()
    monkeypatch.setattr(documents, "shared_embedder", lambda: made)
    return made


def test_a_folder_is_read_once_for_all_desks(embedder: Letters, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann has an apple.")
    told: list[str] = []

    make = desk_maker(tmp_path, 200, told.append)
    one, other = make(), make()
    one.add("b.txt", b"Bo rolls over.")

    assert [hit.document.text for hit in other.search("aaa", 5)] == ["Ann has an apple."]
    assert one.names() == ["b.txt"]
    assert other.names() == []
    found = one.search(BOTH, 5)
    assert len(found) == 2


def test_without_a_folder_a_desk_has_what_is_added(embedder: Letters) -> None:
    desk = desk_maker(None, 200, print)()
    desk.add("b.txt", b"Bo rolls over.")

    assert [hit.document.text for hit in desk.search("Bo", 5)] == ["Bo rolls over."]


def test_passages_may_be_single_sentences(embedder: Letters, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(BOTH)

    texts = {
        sentences: sorted(
            hit.document.text
            for hit in desk_maker(tmp_path, 200, print, sentences=sentences)().search(BOTH, 9)
        )
        for sentences in (False, True)
    }

    assert texts == {
        False: [BOTH],
        True: ["Ann has an apple.", "Bo rolls over."],
    }


def test_a_folder_of_which_nothing_can_be_read_is_an_error(
    embedder: Letters, tmp_path: Path
) -> None:
    with pytest.raises(DocumentError):
        desk_maker(tmp_path, 200, print)
