"""Chunking by tokens and at the best place."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_text_splitters import RecursiveCharacterTextSplitter

import companion
from companion.models.embedding import embedding_folder
from companion.rag.chunking import split_by_tokens, split_recursively, token_counter
from companion.rag.documents import Document

WORDS = "one two three four five six seven eight nine ten"
TEXTS = st.text(alphabet="ab cé漢😀.\n-", min_size=1, max_size=120).filter(str.strip)


@pytest.fixture(scope="module")
def pocket() -> object:
    return companion.load("base").tokenizer


@pytest.fixture(scope="module")
def minilm() -> object:
    import transformers

    return transformers.AutoTokenizer.from_pretrained(embedding_folder())


def texts(chunks: list[Document]) -> list[str]:
    return [chunk.text for chunk in chunks]


def test_windows_of_tokens_end_at_words(minilm) -> None:
    chunks = split_by_tokens([Document(WORDS)], minilm, chunk_size=4, overlap=1)

    assert texts(chunks) == ["one two three four", "four five six seven", "seven eight nine ten"]


def test_a_word_of_several_tokens_is_not_cut(tokenizer) -> None:  # one token per byte
    chunks = split_by_tokens([Document("aa bbbb ccc")], tokenizer, chunk_size=5, overlap=0)

    assert [text.strip() for text in texts(chunks)] == ["aa", "bbbb", "ccc"]


def test_a_word_longer_than_a_chunk_is_cut(tokenizer) -> None:
    chunks = split_by_tokens([Document("abcdefg")], tokenizer, chunk_size=3, overlap=1)

    assert texts(chunks) == ["abc", "cde", "efg"]


def test_upper_case_and_accents_survive_an_uncased_tokenizer(minilm) -> None:
    chunks = split_by_tokens([Document("Über MÜNCHEN und Köln")], minilm, chunk_size=4, overlap=0)

    assert " ".join(texts(chunks)) == "Über MÜNCHEN und Köln"


def test_chunks_know_where_they_come_from(minilm) -> None:
    document = Document(WORDS, {"source": "a.txt"})

    for chunks in (
        split_by_tokens([document], minilm, chunk_size=4, overlap=1),
        split_recursively([document], minilm, chunk_size=4, overlap=1),
    ):
        assert [chunk.metadata["chunk"] for chunk in chunks] == list(range(len(chunks)))
        for chunk in chunks:
            start = chunk.metadata["start"]
            assert document.text[start : start + len(chunk.text)] == chunk.text
            assert chunk.metadata["source"] == "a.txt"


def test_numbers_begin_anew_in_each_document(minilm) -> None:
    chunks = split_by_tokens([Document(WORDS), Document("short")], minilm, chunk_size=5, overlap=0)

    assert [chunk.metadata["chunk"] for chunk in chunks] == [0, 1, 0]


def test_a_short_document_stays_whole(minilm) -> None:
    document = Document("  Two\n\nparagraphs. And. Sentences. \n")

    assert texts(split_by_tokens([document], minilm, chunk_size=8, overlap=0)) == [document.text]
    assert texts(split_recursively([document], minilm, chunk_size=8, overlap=0)) == [document.text]


def test_the_best_place_is_a_paragraph_then_a_sentence() -> None:
    text = "First one. Second one.\n\nNew paragraph."

    chunks = split_recursively([Document(text)], len, chunk_size=25, overlap=0)
    smaller = split_recursively([Document(text)], len, chunk_size=15, overlap=0)

    assert texts(chunks) == ["First one. Second one.", "New paragraph."]
    assert texts(smaller) == ["First one.", "Second one.", "New paragraph."]


def test_overlap_repeats_whole_pieces() -> None:
    chunks = split_recursively([Document("aa bb cc dd")], len, chunk_size=6, overlap=3)

    assert texts(chunks) == ["aa bb", "bb cc", "cc dd"]


@pytest.mark.parametrize("overlap", [0, 3])
def test_repeated_text_is_found_at_its_own_place(overlap) -> None:
    document = Document("ab ab ab ab")

    chunks = split_recursively([document], len, chunk_size=6, overlap=overlap)

    places = [(chunk.text, chunk.metadata["start"]) for chunk in chunks]
    assert places == [("ab ab", start) for start in range(0, 7, 6 - overlap)]


ALIGNED = {
    "invoice": "Teapot, blue" + " " * 42 + "2         24.00\nCup" + " " * 48 + "12     48.00\n",
    "code": "def f(x):\n    if x:\n        for i in range(x):\n            yield i\n    else:\n"
    "        return x\n    return None\n",
    "form": "Signed by"
    + " " * 150
    + "Signed by\n"
    + "word " * 18
    + " " * 150
    + "end of the page\n",
    "runs": "-" * 30 + " " * 30 + "-" * 30 + "\n" * 9 + "-" * 30,
}


@pytest.mark.parametrize("text", ALIGNED.values(), ids=ALIGNED)
@pytest.mark.parametrize(("size", "overlap"), [(60, 16), (20, 10), (7, 6), (100, 99)])
def test_aligned_text_is_cut_where_it_stands(text, size, overlap) -> None:
    chunks = split_recursively([Document(text)], len, chunk_size=size, overlap=overlap)

    starts = [chunk.metadata["start"] for chunk in chunks]
    assert len(chunks) > 1
    assert starts == sorted(starts)
    assert all(text[s : s + len(c.text)] == c.text for s, c in zip(starts, chunks, strict=True))


@given(
    st.text(alphabet="ab .\n-é?!漢", min_size=1, max_size=150).filter(str.strip),
    st.integers(1, 40),
    st.lists(st.text(alphabet="ab .\n-", max_size=3), min_size=1, max_size=6),
    st.data(),
)
@settings(max_examples=300)
def test_chunks_are_those_of_the_library_at_their_places(text, size, separators, data) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    library = RecursiveCharacterTextSplitter(
        separators=separators, chunk_size=size, chunk_overlap=overlap, keep_separator="end"
    )

    chunks = split_recursively(
        [Document(text)], len, chunk_size=size, overlap=overlap, separators=separators
    )

    theirs = [text] if len(text) <= size else library.split_text(text)
    assert [c.text.strip() for c in chunks] == [one.strip() for one in theirs if one.strip()]
    for chunk in chunks:
        start = chunk.metadata["start"]
        assert text[start : start + len(chunk.text)] == chunk.text


@pytest.mark.parametrize("split", [split_by_tokens, split_recursively])
@pytest.mark.parametrize(
    ("size", "overlap", "message"),
    [
        (0, 0, "chunk_size must be a whole number from 1, got 0"),
        (5, 5, "overlap must be from 0 to below chunk_size=5, got 5"),
        (5, 9, "got 9"),
        (5, -1, "got -1"),
    ],
)
def test_sizes_that_contradict_each_other(tokenizer, split, size, overlap, message) -> None:
    with pytest.raises(ValueError, match=message):
        split([Document("x")], tokenizer, chunk_size=size, overlap=overlap)


def test_separators_and_a_fast_tokenizer_are_needed() -> None:
    with pytest.raises(ValueError, match="separators must be a list of texts, not empty"):
        split_recursively([Document("x")], len, separators=[])
    with pytest.raises(ValueError, match="must be a fast one"):
        split_by_tokens([Document("x")], object())


@given(TEXTS, st.integers(1, 12), st.data())
@settings(max_examples=120)
def test_token_windows_fit_and_lose_nothing(pocket, minilm, text, size, data) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    for tokenizer in (pocket, minilm):
        chunks = split_by_tokens([Document(text)], tokenizer, chunk_size=size, overlap=overlap)

        count = token_counter(tokenizer)
        covered = set()
        for chunk in chunks:
            start = chunk.metadata["start"]
            covered |= set(range(start, start + len(chunk.text)))
            # bytes of one character can't be told apart: it may have more tokens than fit
            assert count(chunk.text) <= max(size, 5)
        lost = [c for at, c in enumerate(text) if at not in covered and not c.isspace()]
        assert lost == []


@given(TEXTS, st.integers(4, 12), st.data())
@settings(max_examples=100)
def test_recursive_chunks_fit_and_lose_nothing(minilm, text, size, data) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    chunks = split_recursively([Document(text)], minilm, chunk_size=size, overlap=overlap)

    count = token_counter(minilm)
    assert all(count(chunk.text) <= size for chunk in chunks)
    joined = "".join(texts(chunks))
    assert {c for c in text if not c.isspace()} == {c for c in joined if not c.isspace()}


@given(TEXTS, st.integers(1, 12))
@settings(max_examples=60)
def test_overlap_is_bounded(pocket, text, size) -> None:
    count = token_counter(pocket)
    chunks = split_by_tokens([Document(text)], pocket, chunk_size=size, overlap=size // 2)

    for before, after in pairwise(chunks):
        shared = before.metadata["start"] + len(before.text) - after.metadata["start"]
        assert shared <= 0 or count(text[after.metadata["start"] :][:shared]) <= size // 2 + 1
