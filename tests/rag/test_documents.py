"""Documents, and loading a file or a folder of them."""

import os
from pathlib import Path

import pytest

from companion.errors import DocumentError
from companion.rag.documents import Document, load_documents


@pytest.fixture
def corpus(tmp_path: Path, make_pdf) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("Plain words.", encoding="utf-8")
    (tmp_path / "b.md").write_text("# Cheese\n\nIntro.\n\n## Gouda\n\nDutch.", encoding="utf-8")
    (tmp_path / "sub" / "c.html").write_text(
        "<title>Birds</title><p>They fly.</p><h2>Owls</h2><p>At night.</p>", encoding="utf-8"
    )
    (tmp_path / "sub" / "d.pdf").write_bytes(make_pdf("First page.", "Second page.", title="Book"))
    return tmp_path


def test_a_folder_gives_every_section_and_page_with_its_place(corpus) -> None:
    found = [(d.text, d.metadata) for d in load_documents(corpus)]

    assert found == [
        ("Plain words.", {"source": "a.txt", "title": "a"}),
        ("Intro.", {"source": "b.md", "title": "Cheese", "heading": "Cheese"}),
        ("Dutch.", {"source": "b.md", "title": "Cheese", "heading": "Gouda"}),
        ("They fly.", {"source": "sub/c.html", "title": "Birds"}),
        ("At night.", {"source": "sub/c.html", "title": "Birds", "heading": "Owls"}),
        ("First page.", {"source": "sub/d.pdf", "title": "Book", "page": 1}),
        ("Second page.", {"source": "sub/d.pdf", "title": "Book", "page": 2}),
    ]


def test_a_single_file_is_its_own_corpus(corpus) -> None:
    (document,) = load_documents(corpus / "a.txt")

    assert document == Document("Plain words.", {"source": "a.txt", "title": "a"})


def test_the_pattern_chooses_files(corpus) -> None:
    assert {d.metadata["source"] for d in load_documents(corpus, pattern="**/*.html")} == {
        "sub/c.html"
    }


def test_dot_files_and_dot_folders_are_skipped(corpus) -> None:
    (corpus / ".git").mkdir()
    (corpus / ".git" / "x.txt").write_text("secret")
    (corpus / ".hidden.txt").write_text("secret")

    assert not any("secret" in d.text for d in load_documents(corpus))


def test_one_bad_file_is_reported_and_the_others_are_loaded(corpus) -> None:
    (corpus / "broken.txt").write_bytes(b"caf\xe9")
    (corpus / "photo.png").write_bytes(b"\x89PNG")
    errors: list[DocumentError] = []

    found = load_documents(corpus, on_error=errors.append)

    assert len(found) == 7
    assert [str(error).split(" ")[0].rstrip(":") for error in errors] == [
        str(corpus / "broken.txt"),
        str(corpus / "photo.png"),
    ]


def test_without_a_callback_the_bad_file_raises(corpus) -> None:
    (corpus / "broken.txt").write_bytes(b"caf\xe9")

    with pytest.raises(DocumentError, match=r"broken.txt is not utf-8: byte 0xe9 at position 3"):
        load_documents(corpus)


def test_a_path_that_does_not_exist_is_named(tmp_path) -> None:
    with pytest.raises(DocumentError, match=r"nothing.txt does not exist"):
        load_documents(tmp_path / "nothing.txt")


def test_an_empty_folder_is_no_corpus(tmp_path) -> None:
    with pytest.raises(DocumentError, match=r"holds no files that match '\*\*/\*'"):
        load_documents(tmp_path)


def test_a_corpus_of_bad_files_only_raises_in_the_end(tmp_path) -> None:
    (tmp_path / "a.txt").write_text(" \n")
    errors: list[DocumentError] = []

    with pytest.raises(DocumentError, match=r"none of its 1 files could be read"):
        load_documents(tmp_path, on_error=errors.append)
    assert "holds no text" in str(errors[0])


def test_an_unknown_suffix_is_named_with_those_that_are_read(tmp_path) -> None:
    (tmp_path / "a.docx").write_text("x")
    (tmp_path / "README").write_text("x")

    with pytest.raises(DocumentError, match=r"a.docx: files of kind '.docx' are not read, only "):
        load_documents(tmp_path / "a.docx")
    with pytest.raises(DocumentError, match=r"README: files of kind 'without suffix'"):
        load_documents(tmp_path / "README")


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path) -> None:
    file = tmp_path / "huge.txt"
    with file.open("wb") as stream:
        stream.truncate(3 * 10**12)  # sparse: 3 TB that take no room

    with pytest.raises(DocumentError, match=r"has 3,000,000,000,000 bytes, more than max_bytes="):
        load_documents(file)


def test_the_limit_is_inclusive(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("12345")

    assert load_documents(tmp_path, max_bytes=5)[0].text == "12345"
    with pytest.raises(DocumentError, match="max_bytes=4"):
        load_documents(tmp_path, max_bytes=4)
    with pytest.raises(ValueError, match="max_bytes must be at least 1, got 0"):
        load_documents(tmp_path, max_bytes=0)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").symlink_to(tmp_path / "secret.txt")

    with pytest.raises(DocumentError, match="is a link that leaves"):
        load_documents(tmp_path / "docs")


def test_a_pipe_does_not_hang(tmp_path) -> None:
    os.mkfifo(tmp_path / "a.txt")

    with pytest.raises(DocumentError, match="not a regular file"):
        load_documents(tmp_path)


def test_a_file_without_permission_is_reported(tmp_path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x")
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read everything")

    with pytest.raises(DocumentError, match=r"can't be read: Permission denied"):
        load_documents(file)


@pytest.mark.parametrize("text", ["", " \n\t", None, 3])
def test_a_document_needs_text(text) -> None:
    with pytest.raises(ValueError, match="must not be blank"):
        Document(text)


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, b"x"])
def test_metadata_are_plain_values(value) -> None:
    with pytest.raises(ValueError, match="values are text, numbers or truth values"):
        Document("x", {"a": value})


def test_metadata_have_text_keys_and_finite_numbers() -> None:
    with pytest.raises(ValueError, match="keys are text"):
        Document("x", {1: "a"})
    with pytest.raises(ValueError, match="JSON has no such number"):
        Document("x", {"a": float("nan")})
    with pytest.raises(ValueError, match="metadata must be a dict, got list"):
        Document("x", [1])


def test_a_document_keeps_its_own_metadata() -> None:
    metadata = {"a": 1}
    document = Document("x", metadata)
    metadata["a"] = 2

    assert document.metadata == {"a": 1}
    assert hash(document) == hash(Document("x", {"a": 1}))
    assert document != Document("x", {"a": 2})
