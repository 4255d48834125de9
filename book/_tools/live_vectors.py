"""Write what two widgets read: vectors of sentences, and cosines of the tokens of passages.

    python book/_tools/live_vectors.py

The embedding model is no part of the site, so its vectors are computed here and committed. The
sentences are those that the code of ``applications/embeddings`` names; the questions and passages
those of the table of ``applications/reranking``. A slow test computes them again and compares.
"""

from __future__ import annotations

import ast
import base64
import json
import sys
from contextlib import suppress
from pathlib import Path

import nbformat
import numpy as np

from companion._files import write_whole
from companion.rag import (
    BM25Retriever,
    DenseRetriever,
    Embedder,
    HybridRetriever,
    VectorIndex,
    passage,
    split_recursively,
)
from companion.rag.book import load_book, load_questions
from companion.rag.late_interaction import token_vectors

BOOK = Path(__file__).parents[1]
DATA = BOOK / "_static" / "live" / "data"
QUESTIONS = (21, 76)  # of the page's table
ANOTHER = 300  # the passage that has nothing to do with either


def main() -> int:
    """Write both files; returns the exit status."""
    embedder = Embedder()
    files = {"sentences.json": sentence_vectors(embedder), "maxsim.json": token_cosines(embedder)}
    for name, content in files.items():
        write_whole(DATA / name, json.dumps(content, ensure_ascii=False) + "\n")
        print(f"{(DATA / name).stat().st_size:>8,} {name}")
    return 0


def page_sentences() -> dict[str, list[str]]:
    """Return the sentences of the page on embeddings, by the name of their group."""
    named = _constants("applications/embeddings")
    return {
        **named["TOPICS"],
        "two by two": named["pairs"],
        "negated": [text for row in named["NEGATED"] for text in row],
        "other numbers": [text for row in named["NUMBERS"] for text in row],
        "swapped roles": [text for row in named["ROLES"] for text in row],
    }


def sentence_vectors(embedder: Embedder) -> dict:
    """Return each sentence with its group, and all vectors in float16."""
    groups = page_sentences()
    rows = [(group, text) for group, some in groups.items() for text in some]
    vectors = embedder.embed([text for _, text in rows]).astype(np.float16)
    return {
        "groups": [group for group, _ in rows],
        "sentences": [text for _, text in rows],
        "vectors": base64.b64encode(vectors.astype("<f2").tobytes()).decode(),
    }


def token_cosines(embedder: Embedder) -> dict:
    """Return tokens and the cosines of every pair, in ten-thousandths, of the page's table."""
    chunks = split_recursively(load_book(), embedder.tokenizer, chunk_size=128, overlap=0)
    texts = [passage(chunk) for chunk in chunks]
    index = VectorIndex(embedder.dimension, embedder.model_id)
    index.add(embedder.embed(texts), chunks)
    search = HybridRetriever([DenseRetriever(index, embedder), BM25Retriever(chunks)])
    asked = [question.text for question in load_questions()]
    first, second = (passage(hit.document) for hit in search.search(asked[QUESTIONS[0]], 50)[:2])
    shown = {"passage 1": first, "passage 2": second, "another": texts[ANOTHER]}
    own = token_vectors(embedder, list(shown.values()))
    return {
        "passages": [
            {"name": name, "text": text, "tokens": _tokens(embedder, text)}
            for name, text in shown.items()
        ],
        "questions": [
            {
                "text": asked[number],
                "tokens": _tokens(embedder, asked[number]),
                "cosines": [(10000 * question @ other.T).round().int().tolist() for other in own],
            }
            for number in QUESTIONS
            for question in token_vectors(embedder, [asked[number]])
        ],
    }


def _tokens(embedder: Embedder, text: str) -> list[str]:
    ids = embedder.tokenizer(text, truncation=True, max_length=256).input_ids[1:-1]
    return embedder.tokenizer.convert_ids_to_tokens(ids)


def _constants(page: str) -> dict:
    """Return what the code of a page assigns to names as plain values."""
    notebook = nbformat.read(BOOK / "notebooks" / f"{page}.ipynb", as_version=4)
    found = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                with suppress(ValueError):  # computed
                    found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


if __name__ == "__main__":
    sys.exit(main())
