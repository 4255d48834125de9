"""The vector index: three kinds, changes, and files that may be damaged."""

import contextlib
import os
import shutil
import time
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.errors import IndexFileError
from companion.rag.documents import Document
from companion.rag.index import VectorIndex
from companion.rag.neighbors import Neighbors
from companion.rag.store import read_store, write_store
from tests.rag.vectors import CONFIGS, KINDS, build, found, load, numbered, unit


def stored(kind: str) -> bytes:
    neighbors = Neighbors(8, CONFIGS[kind])
    neighbors.add(unit(60), list(range(60)))
    return neighbors.to_bytes()


STORED = {kind: stored(kind) for kind in KINDS}


def test_exact_search_is_brute_force() -> None:
    vectors, queries = unit(300), unit(5, seed=1)
    index = build("flat")

    rows = index.search(queries, 10)

    scores = queries @ vectors.T
    expected = np.argsort(-scores, axis=1)[:, :10]
    assert found(index, queries, 10) == expected.tolist()
    np.testing.assert_allclose(
        [[hit.score for hit in row] for row in rows],
        np.take_along_axis(scores, expected, axis=1),
        atol=1e-6,
    )


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_approximate_search_finds_nearly_all(kind) -> None:
    queries = unit(50, seed=1)

    pairs = zip(
        found(build(kind, 2000), queries, 10), found(build("flat", 2000), queries, 10), strict=True
    )

    recall = np.mean([len(set(near) & set(exact)) / 10 for near, exact in pairs])
    assert recall > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_ids_count_up_and_are_never_given_twice(kind) -> None:
    index = build(kind)
    index.delete([299])

    assert index.add(unit(2, seed=2), numbered(2, 300)) == [300, 301]
    assert list(index.documents) == [*range(299), 300, 301]
    assert index.documents[300].text == "text 300"
    assert index.add(unit(1, seed=3), numbered(1)) == [302]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_deleted_is_never_found_again(kind) -> None:
    index, vectors = build(kind), unit(300)

    assert index.delete(range(0, 300, 2)) == 150
    assert len(index) == 150
    rows = found(index, vectors, 20)

    assert all(len(row) == 20 for row in rows)
    assert all(n % 2 for row in rows for n in row)
    assert [row[0] for row in rows[1::2]] == list(range(1, 300, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_the_few_that_are_left_are_all_found(kind) -> None:
    index = build(kind)
    index.delete(range(3, 300))

    assert [sorted(row) for row in found(index, unit(4, seed=3), 10)] == [[0, 1, 2]] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_can_be_emptied_and_filled_again(kind) -> None:
    index = build(kind, 50)
    index.delete(range(50))

    assert index.search(unit(1), 5) == [[]]
    index.add(unit(3, seed=5), numbered(3, 50))
    assert found(index, unit(3, seed=5), 1) == [[50], [51], [52]]


def test_only_hnsw_keeps_what_is_deleted_until_it_is_rebuilt() -> None:
    left = {}
    for kind in KINDS:
        index = build(kind)
        index.delete(range(100))
        left[kind] = index.deleted
        before = found(index, unit(300)[100:], 1)
        index.rebuild()
        assert index.deleted == 0
        assert found(index, unit(300)[100:], 1) == before == [[n] for n in range(100, 300)]
        assert index.add(unit(1, seed=9), numbered(1, 300)) == [300]

    assert left == {"flat": 0, "hnsw": 100, "ivf": 0}


def test_rebuild_can_change_the_kind() -> None:
    index = build("flat")
    index.delete([0])
    index.rebuild(CONFIGS["hnsw"])

    assert index.config.kind == "hnsw"
    assert found(index, unit(300)[1:], 1) == [[n] for n in range(1, 300)]
    assert len(index) == 299


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_index_finds_nothing(kind, tmp_path) -> None:
    index = VectorIndex(8, "model", CONFIGS[kind])

    assert index.search(unit(2), 3) == [[], []]
    assert index.add(np.empty((0, 8)), []) == []
    index.rebuild()
    index.save(tmp_path)
    assert len(VectorIndex.load(tmp_path, model_id="model")) == 0


def test_bad_vectors_are_refused_and_change_nothing() -> None:
    index = VectorIndex(8, "model")
    for vectors, message in (
        (unit(2, 7), r"must have shape \(N, 8\), got \(2, 7\)"),
        (unit(1)[0], r"got \(8,\)"),
        (unit(2) * 2, r"vector 0 has length 2, not 1"),
        (np.full((2, 8), np.nan), r"vector 0 has length nan"),
        (unit(3), r"got 3 vectors and 2 documents"),
    ):
        with pytest.raises(ValueError, match=message):
            index.add(vectors, numbered(2))
    assert len(index) == 0


def test_unknown_ids_and_a_bad_k_are_refused() -> None:
    index = build("flat", 5)
    with pytest.raises(ValueError, match="no document has the id 7"):
        index.delete([0, 7])
    assert len(index) == 5
    with pytest.raises(ValueError, match="k must be a whole number from 1, got 0"):
        index.search(unit(1), 0)
    with pytest.raises(TypeError):
        index.documents[0] = Document("x")


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_index_is_the_same(kind, tmp_path) -> None:
    index = build(kind)
    index.delete(range(0, 300, 3))
    index.save(tmp_path)

    loaded = VectorIndex.load(tmp_path, model_id="model")

    queries = unit(20, seed=4)
    assert loaded.search(queries, 5) == index.search(queries, 5)
    assert loaded.config == index.config
    assert loaded.documents == index.documents
    assert loaded.deleted == index.deleted
    assert loaded.add(unit(1), numbered(1)) == [300]  # ids go on
    loaded.delete([1, 300])
    assert len(loaded) == 199


def test_text_of_any_kind_survives(tmp_path) -> None:
    index = VectorIndex(8, "model")
    texts = ["two\nlines", "漢字 😀", 'quote " and \\', "\u2028 separator"]
    index.add(unit(4), [Document(text, {"a": text, "b": 1.5, "c": True}) for text in texts])
    index.save(tmp_path)

    assert VectorIndex.load(tmp_path, model_id="model").documents == index.documents


def test_another_embedding_model_is_refused(saved) -> None:
    with pytest.raises(IndexFileError, match=r"holds vectors of 'model'.*come from 'other'"):
        VectorIndex.load(saved, model_id="other")


def test_no_index_and_half_an_index_are_named(tmp_path, saved) -> None:
    with pytest.raises(IndexFileError, match=r"manifest.json is missing"):
        load(tmp_path)
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    next(copy.glob("vectors-*")).unlink()
    with pytest.raises(IndexFileError, match=r"vectors-\w+.faiss is missing"):
        load(copy)


@pytest.mark.parametrize("name", ["vectors", "documents"])
def test_a_truncated_file_is_refused(tmp_path, saved, name) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    file = next(copy.glob(f"{name}-*"))
    file.write_bytes(file.read_bytes()[:-7])

    with pytest.raises(IndexFileError, match=rf"{name}-\w+\.\w+ is truncated: it has"):
        load(copy)


@pytest.mark.parametrize("name", ["vectors", "documents"])
def test_a_changed_byte_is_noticed(tmp_path, saved, name) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    file = next(copy.glob(f"{name}-*"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)

    with pytest.raises(IndexFileError, match="is damaged or was changed"):
        load(copy)
    file.write_bytes(bytes(data) + b"more")
    with pytest.raises(IndexFileError, match="has more than the"):
        load(copy)


def test_the_digest_finds_an_index_that_was_exchanged(tmp_path) -> None:
    digest = build("flat", 5).save(tmp_path)

    VectorIndex.load(tmp_path, model_id="model", digest=digest)
    build("flat", 6).save(tmp_path)
    with pytest.raises(IndexFileError, match="is not the version with the digest"):
        VectorIndex.load(tmp_path, model_id="model", digest=digest)


def test_a_kind_that_does_not_match_its_vectors_is_refused(tmp_path) -> None:
    build("flat", 60).save(tmp_path)
    header, files = read_store(tmp_path, kind="companion vector index", version=1)
    del header["files"]
    for kind in ("hnsw", "ivf"):
        write_store(tmp_path, header | {"config": {"kind": kind}}, files)
        with pytest.raises(IndexFileError, match="the vectors are kept in a IndexFlat"):
            load(tmp_path)


def test_documents_without_vectors_are_refused(tmp_path) -> None:
    build("flat", 5).save(tmp_path)
    header, files = read_store(tmp_path, kind="companion vector index", version=1)
    del header["files"]
    lines = files["documents.jsonl"].split(b"\n")
    for documents, message in (
        (b"\n".join(lines[:-1]), "different ids"),
        (b"\n".join([*lines, lines[0]]), "a document has the id 0"),
        (lines[0].replace(b'"id": 0', b'"id": -1'), "a document has the id -1"),
        (b"[]", "contradicts itself"),
        (b"\xff", "contradicts itself"),
    ):
        write_store(tmp_path, header, files | {"documents.jsonl": documents})
        with pytest.raises(IndexFileError, match=message):
            load(tmp_path)
    write_store(tmp_path, header, files | {"vectors.faiss": b""})
    with pytest.raises(IndexFileError, match="there are documents and no vectors"):
        load(tmp_path)


def test_saving_replaces_the_version_before_and_cleans_up(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    build("flat", 5).save(tmp_path)
    build("flat", 6).save(tmp_path)

    assert len(load(tmp_path)) == 6
    assert len(list(tmp_path.iterdir())) == 4
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_save_that_dies_leaves_the_version_before(tmp_path, monkeypatch, step) -> None:
    build("flat", 5).save(tmp_path)
    replace, calls = os.replace, []

    def dying(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == step:
            raise OSError("disk full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(OSError, match="disk full"):
        build("flat", 6).save(tmp_path)
    monkeypatch.undo()

    assert len(load(tmp_path)) == 5
    assert not list(tmp_path.glob(".*"))
    build("flat", 7).save(tmp_path)
    assert len(load(tmp_path)) == 7


@given(st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_never_crash(saved, tmp_path, data) -> None:
    """Whatever one byte or the end of a file is changed to."""
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(saved, copy)
    file = data.draw(st.sampled_from(sorted(copy.iterdir())))
    content = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)

    with contextlib.suppress(IndexFileError):
        load(copy).search(unit(1), 3)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=200)
def test_forged_vectors_never_crash(kind, data) -> None:
    """What somebody could do who writes checksums that fit as well."""
    content = bytearray(STORED[kind])
    near = data.draw(st.sampled_from([200, len(content)]))  # the header is at the beginning
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, near - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from([len(content), len(content) // 2]))]

    try:
        index = Neighbors.from_bytes(bytes(content), 8, CONFIGS[kind], list(range(60)))
    except ValueError:
        return
    index.search(unit(1), 3)


@pytest.mark.parametrize("kind", KINDS)
def test_announced_lengths_do_not_make_faiss_reserve_memory(kind) -> None:
    data, huge = STORED[kind], (2**33).to_bytes(8, "little")
    before = faiss.get_deserialization_vector_byte_limit()
    places = [at for at in range(len(data) - 8) if data[at : at + 8] == (60).to_bytes(8, "little")]

    begun, refused = time.process_time(), 0
    for at in places:
        try:
            forged = data[:at] + huge + data[at + 8 :]
            Neighbors.from_bytes(forged, 8, CONFIGS[kind], list(range(60)))
        except ValueError:
            refused += 1

    assert refused >= 1
    assert time.process_time() - begun < 1
    assert faiss.get_deserialization_vector_byte_limit() == before
