"""Documents, and loading a file or a folder of them."""

import os
from pathlib import Path

import pytest

from companion.errors import DocumentError
from companion.rag.chunking import split_recursively
from companion.rag.documents import Document, load_documents, passage


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
        ("Cheese\n\nIntro.", {"source": "b.md", "title": "Cheese", "heading": "Cheese"}),
        ("Gouda\n\nDutch.", {"source": "b.md", "title": "Cheese", "heading": "Gouda"}),
        ("They fly.", {"source": "sub/c.html", "title": "Birds"}),
        ("Owls\n\nAt night.", {"source": "sub/c.html", "title": "Birds", "heading": "Owls"}),
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
    with pytest.raises(DocumentError, match=r"holds no files that match pattern='\*\*/\*'"):
        load_documents(tmp_path)


def test_a_corpus_of_bad_files_only_raises_in_the_end(tmp_path) -> None:
    (tmp_path / "a.txt").write_text(" \n")
    errors: list[DocumentError] = []

    with pytest.raises(DocumentError, match=r"none of its 1 files could be read"):
        load_documents(tmp_path, on_error=errors.append)
    assert "holds no text" in str(errors[0])


def test_an_unknown_suffix_is_named_with_those_that_are_read(tmp_path) -> None:
    for name in ("a.xlsx", "a.py", "README"):
        (tmp_path / name).write_text("x")

    with pytest.raises(DocumentError, match=r"a.xlsx is not read. Save each sheet as .csv."):
        load_documents(tmp_path / "a.xlsx")
    with pytest.raises(DocumentError, match=r"a.py is a program. .* code=True"):
        load_documents(tmp_path / "a.py")
    with pytest.raises(DocumentError, match=r"README is not read. Convert it to one of .txt, .md"):
        load_documents(tmp_path / "README")
    assert load_documents(tmp_path / "a.py", code=True)[0].text == "x"


def test_a_table_and_a_guess_are_told_in_the_metadata(tmp_path) -> None:
    text = (
        "Frage;Antwort\nWann öffnet die Bücherei?;Sie öffnet täglich um zehn Uhr.\n"
        "Dürfen Hunde hinein?;Nein, für Hunde ist der Zutritt nicht möglich.\n"
    )
    (tmp_path / "a.csv").write_bytes(text.encode("cp1252"))

    found = load_documents(tmp_path)

    assert found[0].text == (
        "Frage: Wann öffnet die Bücherei?; Antwort: Sie öffnet täglich um zehn Uhr."
    )
    assert found[1].metadata == {"source": "a.csv", "title": "a", "row": 2, "encoding": "cp1252"}


FAQ = """# Shop

## Returns

### How long may I send a kettle back?

30 days.

## Do you ship to Norway?

Yes.

## Opening hours
"""


def test_a_passage_says_what_it_is_about(tmp_path) -> None:
    (tmp_path / "faq.md").write_text(FAQ)

    assert [passage(document) for document in load_documents(tmp_path)] == [
        "Shop. Returns. How long may I send a kettle back? 30 days.",
        "Shop. Do you ship to Norway? Yes.",
        "Shop. Opening hours.",
    ]


def test_a_chunk_from_the_middle_has_its_headings_too(tmp_path) -> None:
    (tmp_path / "a.md").write_text("# Shop\n\n## Fees\n\n" + "One pays. " * 9)

    chunks = split_recursively(load_documents(tmp_path), len, chunk_size=40, overlap=0)

    assert len(chunks) > 2
    assert all(passage(chunk).startswith("Shop. Fees. One pays.") for chunk in chunks[1:])
    assert passage(chunks[0]).count("Fees") == 1


@pytest.mark.parametrize(
    ("text", "metadata", "expected"),
    [
        ("x", {}, "x"),
        ("x", {"title": "notes", "source": "a/notes.txt"}, "x"),  # only the file's name
        ("x", {"title": "T", "heading": "T"}, "T. x"),
        ("x", {"heading": "Why?"}, "Why? x"),
        ("H\n\nx", {"heading": "H"}, "H. x"),
        ("Hx", {"heading": "H"}, "H. Hx"),
        ("T. H. x", {"title": "T", "heading": "H"}, "T. H. x"),  # it has been put in front already
        ("T", {"title": "T", "heading": "T"}, "T."),  # a heading without text
    ],
)
def test_what_a_passage_begins_with(text, metadata, expected) -> None:
    assert passage(Document(text, metadata)) == expected


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path) -> None:
    file = tmp_path / "huge.txt"
    with file.open("wb") as stream:
        stream.truncate(3 * 10**12)  # sparse: 3 TB that take no room

    with pytest.raises(DocumentError, match=r"has 3,000,000,000,000 bytes, .* raise max_bytes\."):
        load_documents(file)


def test_the_limit_is_inclusive(tmp_path) -> None:
    (tmp_path / "a.txt").write_text("12345")

    assert load_documents(tmp_path, max_bytes=5)[0].text == "12345"
    with pytest.raises(DocumentError, match="at most 4 are read"):
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
