"""Fakes for retrieval: an embedder without a model, a model that reads its prompt, a PDF writer."""

import copy
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import AddedToken

from companion.rag.documents import Document, Hit

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
MARKS = ("<|user|>", "<|assistant|>", "<|end|>")
FIRST_BYTE, EOS = 3, 2


class FakeEmbedder:
    """Texts that share words are close: one number per word, by its checksum."""

    model_id = "fake"
    dimension = 64

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: list[str]) -> np.ndarray:
        self.texts += texts
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[0] = 0.01  # no text is without direction
            for word in text.lower().replace("?", " ").replace(".", " ").split():
                row[zlib.crc32(word.encode()) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def fake_embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture(scope="session")
def embedder() -> object:
    """The bundled all-MiniLM-L6-v2."""
    from companion.rag.embeddings import Embedder

    return Embedder()


@pytest.fixture
def documents() -> list[Document]:
    sentences = ("Mona lives in Bern.", "Tarek sells cheese.", "Tondpem was founded by Lasze.")
    return [Document(text, {"number": n}) for n, text in enumerate(sentences)]


class ListRetriever:
    """Finds what it was told to find."""

    def __init__(self, hits: list[Hit]) -> None:
        self.hits = hits

    def search(self, query: str, k: int) -> list[Hit]:
        return self.hits[:k]


@pytest.fixture(scope="session")
def list_retriever() -> Callable[..., ListRetriever]:
    """Build a retriever from texts, all of score 0.9, or from pairs of text and score."""

    def build(*found: str | tuple[str, float]) -> ListRetriever:
        pairs = [(one, 0.9) if isinstance(one, str) else one for one in found]
        return ListRetriever([Hit(Document(text), score) for text, score in pairs])

    return build


@pytest.fixture(scope="session")
def chat_tokenizer(tokenizer) -> transformers.PreTrainedTokenizerFast:
    """The byte tokenizer with a chat template and special tokens around the turns."""
    changed = copy.deepcopy(tokenizer)
    changed.add_tokens([AddedToken(mark, special=True, normalized=False) for mark in MARKS])
    changed.chat_template = TEMPLATE
    return changed


@pytest.fixture(scope="session")
def reader_model(function_model, chat_tokenizer) -> Callable[..., object]:
    """Build a model whose answer is a function of the prompt that it reads; `seen` keeps them."""

    def build(reply: Callable[[str], str], context: int = 4000) -> object:
        seen: list[str] = []
        turn = chat_tokenizer.convert_tokens_to_ids("<|assistant|>")

        def next_probs(ids: list[int]) -> torch.Tensor:
            probs = torch.zeros(len(chat_tokenizer))
            if turn not in ids:  # still within the prompt: nobody looks at this
                return probs + 1
            text = chat_tokenizer.decode(ids, clean_up_tokenization_spaces=False)
            prompt, mark, written = text.partition("<|assistant|>\n")
            script = reply(prompt).encode() if mark else b""
            if mark and prompt not in seen:
                seen.append(prompt)
            at = len(written.encode())
            probs[FIRST_BYTE + script[at] if at < len(script) else EOS] = 1
            return probs

        model = function_model(next_probs, EOS, context)
        model.seen = seen
        return model

    return build


@pytest.fixture(scope="session")
def make_pdf() -> Callable[..., bytes]:
    """Write a PDF with one line of text per page, by hand."""

    def build(*pages: str, title: str = "") -> bytes:
        numbers = [4 + 2 * index for index in range(len(pages))]
        kids = " ".join(f"{number} 0 R" for number in numbers)
        objects = {
            1: "<< /Type /Catalog /Pages 2 0 R >>",
            2: f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
            3: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        }
        for number, text in zip(numbers, pages, strict=True):
            content = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET" if text else ""
            objects[number] = (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {number + 1} 0 R "
                "/Resources << /Font << /F1 3 0 R >> >> >>"
            )
            objects[number + 1] = f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"
        objects[len(objects) + 1] = f"<< /Title ({title}) >>"
        out = b"%PDF-1.4\n"
        places = []
        for number in sorted(objects):
            places.append(len(out))
            out += f"{number} 0 obj\n{objects[number]}\nendobj\n".encode("latin-1")
        table = "".join(f"{place:010d} 00000 n \n" for place in places)
        trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
        end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n{trailer}\n"
        return out + f"{end}startxref\n{len(out)}\n%%EOF".encode()

    return build


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two notes."""
    (tmp_path / "notes").mkdir()
    for name, text in (("a", "Ann sells honey."), ("b", "Bo repairs clocks.")):
        (tmp_path / "notes" / f"{name}.md").write_text(text)
    return tmp_path / "notes"


@pytest.fixture
def opened(folder: Path, tmp_path: Path) -> Callable[..., tuple]:
    """Open a library as a new process would; returns it, its embedder and what was told."""
    from companion.rag.library import Library
    from tests.rag.counting import Counting

    def make(cache: Path | None = tmp_path / "cache") -> tuple:
        embedder, told = Counting(), []
        return Library(folder, embedder, cache=cache, tell=told.append), embedder, told

    return make


@pytest.fixture(scope="session", params=["flat", "hnsw", "ivf"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved index of each kind. Read only."""
    from tests.rag.vectors import build

    folder = tmp_path_factory.mktemp(request.param)
    build(request.param, 60).save(folder)
    return folder
