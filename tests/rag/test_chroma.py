"""The same pipeline over LangChain's store for Chroma, on a server that is killed in between."""

import gc
import warnings
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

import companion
from companion.rag.documents import Document
from companion.rag.pipeline import RagPipeline
from companion.rag.retriever import DenseRetriever, VectorStoreRetriever, langchain_embeddings
from companion.rag.vector_stores.servers import LocalServer, chroma_server

FACTS = [
    ("Roujanwion lives in Roatrearn.", "Where does Roujanwion live?", "Roatrearn."),
    ("Tondpem was founded by Lasze.", "Who founded Tondpem?", "Lasze."),
    ("Jusus sells Hiancha.", "What does Jusus sell?", "Hiancha."),
    ("The password for Todit is Paiwun.", "What is the password for Todit?", "Paiwun."),
]


@pytest.fixture
def server(tmp_path) -> Iterator[LocalServer]:
    with chroma_server(tmp_path) as running:
        yield running


@pytest.fixture
def connect(server, fake_embedder) -> Iterator[Callable[[], VectorStoreRetriever]]:
    """Connect to the server again, with our vectors and cosines."""
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings
    from langchain_chroma import Chroma

    clients = []

    def build() -> VectorStoreRetriever:
        settings = Settings(anonymized_telemetry=False)
        client = chromadb.HttpClient(
            host="127.0.0.1", port=urlsplit(server.url).port, settings=settings
        )
        clients.append(client)
        store = Chroma(
            collection_name="facts",
            embedding_function=langchain_embeddings(fake_embedder),
            client=client,
            collection_configuration={"hnsw": {"space": "cosine"}},
        )
        return VectorStoreRetriever(store, similarity=lambda distance: 1 - distance)

    yield build
    while clients:
        clients.pop().close()
    SharedSystemClient.clear_system_cache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # its HTTP client leaves sockets open
        gc.collect()


def test_the_pipeline_answers_from_a_server_that_was_killed_in_between(
    server, connect, fake_embedder
) -> None:
    documents = [Document(fact, {"number": n}) for n, (fact, _, _) in enumerate(FACTS)]
    questions = [question for _, question, _ in FACTS]
    model = companion.load("chat")
    retriever = connect()
    retriever.add(documents[:3])
    (last,) = retriever.add(documents[3:])
    before = RagPipeline(retriever, *model, k=3).answer_all(questions)

    server.kill()
    with pytest.raises(Exception, match=r"(?i)connect|disconnected|refused"):
        retriever.search(questions[0], 1)
    server.start()
    retriever = connect()
    after = RagPipeline(retriever, *model, k=3).answer_all(questions)

    assert [answer.text for answer in after] == [answer for _, _, answer in FACTS]
    assert [a.sources[0].document for a in after] == documents
    assert [(a.text, a.sources[0].document) for a in before] == [
        (a.text, a.sources[0].document) for a in after
    ]
    ours = DenseRetriever.from_documents(documents, fake_embedder)
    for question in questions:
        theirs, own = retriever.search(question, 4), ours.search(question, 4)
        assert {hit.document.text: hit.score for hit in theirs} == pytest.approx(
            {hit.document.text: hit.score for hit in own}, abs=1e-5
        )
    retriever.store.delete([last])
    assert documents[3] not in [hit.document for hit in retriever.search(questions[3], 4)]
