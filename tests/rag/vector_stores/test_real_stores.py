"""Chroma, Postgres and Milvus Lite: the same neighbors as exact search, and nothing lost."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import companion
from companion.errors import VectorStoreError
from companion.rag.documents import Document
from companion.rag.index import VectorIndex
from companion.rag.neighbors import IndexConfig
from companion.rag.pipeline import RagPipeline
from companion.rag.retriever import DenseRetriever
from companion.rag.vector_stores import (
    ChromaStore,
    MilvusStore,
    PostgresStore,
    VectorStore,
    chroma_server,
    fill,
    postgres_server,
)
from companion.rag.vector_stores.servers import LocalServer
from tests.rag.vector_stores.passages import numbered, numbers, unit

pytestmark = pytest.mark.slow  # each starts a server, or imports pandas

FACTS = [
    ("Roujanwion lives in Roatrearn.", "Where does Roujanwion live?", "Roatrearn."),
    ("Tondpem was founded by Lasze.", "Who founded Tondpem?", "Lasze."),
    ("Jusus sells Hiancha.", "What does Jusus sell?", "Hiancha."),
    ("The password for Todit is Paiwun.", "What is the password for Todit?", "Paiwun."),
]
NEEDED = {
    "chroma": ["chromadb"],
    "postgres": ["pgserver", "psycopg", "pgvector"],
    "milvus": ["pymilvus", "milvus_lite"],
}


class Place:
    """Where a store is: a server, or a file for Milvus Lite."""

    def __init__(self, kind: str, folder: Path, server: LocalServer | None) -> None:
        self.kind, self.folder, self.server = kind, folder, server

    @property
    def address(self) -> str:
        return self.server.url if self.server else str(self.folder / "milvus.db")

    def open(self, dimension: int = 64, *, model_id: str = "fake", **options) -> VectorStore:
        store = {"chroma": ChromaStore, "postgres": PostgresStore, "milvus": MilvusStore}[self.kind]
        name = options.pop("name", "facts")
        return store(self.address, name, model_id=model_id, dimension=dimension, **options)


@pytest.fixture(params=["chroma", "postgres", "milvus"])
def place(request, folder) -> Iterator[Place]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries themselves, while they are imported
        for module in NEEDED[request.param]:
            pytest.importorskip(module)
    with ExitStack() as stack:
        server = None
        if request.param == "chroma":
            server = stack.enter_context(chroma_server(folder / "chroma"))
        elif request.param == "postgres":
            server = stack.enter_context(postgres_server(folder / "postgres"))
        yield Place(request.param, folder, server)


def test_the_nearest_are_those_of_exact_search(place):
    vectors, documents, queries = unit(2_000), numbered(2_000), unit(20, seed=1)
    exact = VectorIndex(32, "fake")
    exact.add(vectors, documents)
    options = {"config": IndexConfig("hnsw", ef_search=1000)} if place.kind == "chroma" else {}

    with place.open(32, **options) as store:
        for start in range(0, 2_000, 500):
            store.add(vectors[start : start + 500], documents[start : start + 500])
        found = store.search(queries, 10)
        assert len(store) == 2_000

    for ours, theirs in zip(exact.search(queries, 10), found, strict=True):
        assert [hit.document for hit in theirs] == [hit.document for hit in ours]
        assert [hit.score for hit in theirs] == pytest.approx([hit.score for hit in ours], abs=1e-5)


def test_hnsw_finds_nearly_all(place):
    vectors, documents, queries = unit(2_000), numbered(2_000), unit(20, seed=1)
    exact = VectorIndex(32, "fake")
    exact.add(vectors, documents)

    with place.open(32, config=IndexConfig("hnsw", ef_search=200)) as store:
        store.add(vectors, documents)
        found = store.search(queries, 10)

    pairs = zip(numbers(exact.search(queries, 10)), numbers(found), strict=True)
    assert np.mean([len({*ours} & {*theirs}) for ours, theirs in pairs]) / 10 > 0.9
    assert [len(row) for row in found] == [10] * 20


def test_the_pipeline_gives_the_same_answers_over_each(place, fake_embedder):
    documents = [Document(fact, {"number": n}) for n, (fact, _, _) in enumerate(FACTS)]
    questions = [question for _, question, _ in FACTS]
    model = companion.load("chat")
    ours = DenseRetriever.from_documents(documents, fake_embedder)
    expected = RagPipeline(ours, *model, k=3).answer_all(questions)

    with place.open() as store:
        assert fill(store, documents, fake_embedder, batch_size=3) == 4
        retriever = DenseRetriever(store, fake_embedder)
        answers = RagPipeline(retriever, *model, k=3).answer_all(questions)

    assert [answer.text for answer in answers] == [answer for _, _, answer in FACTS]
    for one, other in zip(answers, expected, strict=True):
        assert one.text == other.text
        assert one.sources[0].document == other.sources[0].document
        assert one.sources[0].score == pytest.approx(other.sources[0].score, abs=1e-5)


def test_the_same_document_is_kept_once_and_the_first_stays(place):
    documents = [*numbered(3), numbered(3)[0]]

    with place.open(32) as store:
        ids = store.add(unit(4), documents)
        store.add(unit(1, seed=9), documents[:1])
        assert len(store) == 3
        assert store.missing([*documents, Document("another")]) == [Document("another")]
        assert store.delete([ids[0], "unknown"]) == 1
        assert ids[0] == ids[3]
        assert len(store) == 2
        left = {hit.document.metadata["n"] for hit in store.search(unit(1), 5)[0]}
        assert left == {1, 2}


def test_an_empty_store_finds_nothing(place):
    with place.open(32) as store:
        assert store.search(unit(2), 5) == [[], []]
        assert len(store) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_id": "other"}, "holds vectors of 'fake', and yours come from 'other'"),
        ({"dimension": 33}, "holds vectors of 32 numbers, and yours have 33"),
    ],
)
def test_another_model_is_refused_and_nothing_is_lost(place, options, message):
    with place.open(32) as store:
        store.add(unit(3), numbered(3))

    with pytest.raises(VectorStoreError, match=message):
        place.open(**{"dimension": 32, **options})

    with place.open(32) as store:
        assert len(store) == 3


FILL = """
import sys
import numpy as np
from tests.rag.vector_stores.test_real_stores import Place, numbered, unit
kind, address = sys.argv[1:]
place = Place(kind, None, None)
Place.address = property(lambda self: address)
vectors, documents = unit(20_000), numbered(20_000)
store = place.open(32)
for start in range(0, 20_000, 100):
    store.add(vectors[start : start + 100], documents[start : start + 100])
    print(start + 100, flush=True)
"""


def start_filling(place: Place) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", FILL, place.kind, place.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def test_killed_in_the_middle_of_filling_nothing_that_was_acknowledged_is_lost(place):
    """The server is killed, or the program where the store is inside it."""
    filling = start_filling(place)
    for line in filling.stdout:
        if int(line) >= 700:
            break
    if place.server:
        place.server.kill()
    else:
        filling.send_signal(signal.SIGKILL)
    rest, errors = filling.communicate(timeout=60)
    acknowledged = max([700, *map(int, rest.split())])
    assert filling.returncode != 0
    assert acknowledged < 20_000
    if place.server:
        assert "VectorStoreError" in errors
        place.server.start()

    size = acknowledged + 300
    vectors, documents = unit(20_000)[:size], numbered(size)
    with place.open(32) as store:
        lost = store.missing(documents[:acknowledged])
        assert lost == []
        assert acknowledged <= len(store) <= acknowledged + 100
        for start in range(0, size, 100):  # the same again, as if it had never begun
            store.add(vectors[start : start + 100], documents[start : start + 100])
        assert len(store) == size
        exact = VectorIndex(32, "fake")
        exact.add(vectors, documents)
        queries = unit(5, seed=1)
        for ours, theirs in zip(exact.search(queries, 1), store.search(queries, 1), strict=True):
            assert theirs[0].document == ours[0].document


def test_a_server_that_is_gone_is_named_and_found_again(place, fake_embedder):
    if place.server is None:
        pytest.skip("Milvus Lite has no server")
    with place.open() as store:
        fill(store, numbered(5), fake_embedder)
        retriever = DenseRetriever(store, fake_embedder)
        place.server.kill()
        with pytest.raises(VectorStoreError, match=r"(?i)did not do what was asked.*kept"):
            retriever.search("Passage 3", 1)
        with pytest.raises(VectorStoreError, match=r"(?i)(refused|connect)"):
            place.open()
        place.server.start()
        assert retriever.search("Passage 3", 1)[0].document.text == "Passage 3."  # no new object


def test_two_programs_that_begin_at_once_share_one_table(place):
    if place.server is None:
        pytest.skip("one program at a time opens a file of Milvus Lite")
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            with place.open(32) as store:
                store.add(unit(50), numbered(50))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    with place.open(32) as store:
        assert len(store) == 50


def test_a_second_program_is_told_that_the_file_of_milvus_is_open(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("milvus_lite")
    place = Place("milvus", folder, None)
    code = (
        "import sys; from companion.rag.vector_stores import MilvusStore\n"
        "MilvusStore(sys.argv[1], 'facts', model_id='fake', dimension=32)"
    )
    with place.open(32) as store:
        store.add(unit(3), numbered(3))
        done = subprocess.run(
            [sys.executable, "-c", code, place.address], capture_output=True, text=True, check=False
        )

    assert done.returncode == 1
    assert "Does another program have it open" in done.stderr.splitlines()[-1]
