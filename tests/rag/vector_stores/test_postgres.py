"""What is special about Postgres: other programs share the database."""

from collections.abc import Callable

import pytest

from companion.errors import VectorStoreError
from companion.rag.index import VectorIndex
from companion.rag.neighbors import IndexConfig
from companion.rag.vector_stores import PostgresStore, postgres_server
from companion.rag.vector_stores.postgres import MOST_DIMENSIONS, _parsed
from tests.rag.vector_stores.passages import numbered, numbers, unit


@pytest.mark.slow  # starts a server
def test_a_table_of_another_program_is_left_alone(folder):
    psycopg = pytest.importorskip("psycopg")
    pytest.importorskip("pgserver")
    with postgres_server(folder / "postgres") as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE facts (id integer)")
        with pytest.raises(VectorStoreError, match="not made by this package"):
            PostgresStore(server.url, "facts", model_id="fake", dimension=32)
        url = server.url.replace("/postgres?", "/nowhere?")
        with pytest.raises(VectorStoreError, match=r"database 'nowhere'.*does not exist"):
            PostgresStore(url, "facts", model_id="fake", dimension=32)


@pytest.mark.slow  # starts a server
def test_flat_stays_exact_beside_an_index_that_another_program_made(folder):
    pytest.importorskip("pgserver")
    pytest.importorskip("psycopg")
    vectors, documents, queries = unit(3_000), numbered(3_000), unit(20, seed=1)
    exact = VectorIndex(32, "fake")
    exact.add(vectors, documents)

    with postgres_server(folder / "postgres") as server:
        open_store: Callable = lambda config: PostgresStore(  # noqa: E731
            server.url, "facts", model_id="fake", dimension=32, config=config
        )
        with open_store(IndexConfig("hnsw", m=2, ef_construction=4, ef_search=10)) as store:
            store.add(vectors, documents)
            assert numbers(store.search(queries, 10)) != numbers(exact.search(queries, 10))
        with open_store(IndexConfig()) as store:
            assert numbers(store.search(queries, 10)) == numbers(exact.search(queries, 10))


def test_more_numbers_than_an_index_takes_are_refused_before_anything_is_opened():
    with pytest.raises(
        ValueError, match=r"dimension must be at most 2000 for HNSW .* got 2001: use"
    ):
        PostgresStore(
            "postgresql://nowhere.invalid/base",
            "facts",
            model_id="fake",
            dimension=MOST_DIMENSIONS + 1,
            config=IndexConfig("hnsw"),
        )


@pytest.mark.parametrize(
    ("comment", "label"),
    [
        ('{"model": "fake"}', {"model": "fake"}),
        (None, None),
        ("", None),
        ("a table of ours", None),
        ("[1, 2]", None),
        ("null", None),
    ],
)
def test_the_label_is_the_comment_of_a_table_if_it_is_one_of_ours(comment, label):
    assert _parsed(comment) == label
